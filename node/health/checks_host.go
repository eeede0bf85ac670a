package health

import (
	"fmt"

	pb "cairn/proto"
)

// wantFiles is the limit of open files below which a busy node may run out:
// connections of clients, and the files of the index.
const wantFiles = 65_536

// hosts calls f once for each machine that answered, with one of its nodes.
func (v *view) hosts(f func(n Node, h *pb.HostReport)) {
	seen := map[string]bool{}
	for _, n := range v.allNodes() {
		if !n.Answers {
			continue
		}
		h := v.Reports[n.ID].Host
		if key := h.GetHost() + h.GetBoot(); !seen[key] {
			seen[key] = true
			f(n, h)
		}
	}
}

func okOpenFiles(*view) string { return fmt.Sprintf("every node may open %d files or more", wantFiles) }

func findOpenFiles(v *view) (out []Condition) {
	v.hosts(func(n Node, h *pb.HostReport) {
		if h.GetOpenFiles() == 0 || h.GetOpenFiles() >= wantFiles {
			return
		}
		out = append(out, Condition{
			Name: "open-files", Severity: Info, Affected: []string{n.Name},
			What: fmt.Sprintf("%s may open only %d files", n.Name, h.GetOpenFiles()),
			Next: fmt.Sprintf("raise the limit to %d: LimitNOFILE= in the unit, or ulimit -n", wantFiles),
		})
	})
	return out
}

func okHugePages(*view) string { return "transparent huge pages are on, or on request" }

func findHugePages(v *view) (out []Condition) {
	v.hosts(func(n Node, h *pb.HostReport) {
		if h.GetHugePages() != "never" {
			return
		}
		out = append(out, Condition{
			Name: "huge-pages", Severity: Info, Affected: []string{n.Name},
			What: fmt.Sprintf("transparent huge pages are off on %s: buffers cost more CPU", n.Name),
			Next: "echo madvise > /sys/kernel/mm/transparent_hugepage/enabled",
		})
	})
	return out
}
