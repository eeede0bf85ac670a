package admin

import (
	"errors"
	"fmt"
	"net/http"
	"sync"

	"cairn/node/health"
	pb "cairn/proto"
)

// Usage is what all nodes that answer have used since they started. Nodes of one
// process share its CPU, memory and calls.
type Usage struct {
	CPUSeconds  float64        `json:"cpu_s"`
	RSS         uint64         `json:"rss_bytes"`
	Calls       uint64         `json:"calls"`
	DiskFsyncs  uint64         `json:"disk_fsyncs"`
	LogFsyncs   uint64         `json:"log_fsyncs"`
	DiskWritten uint64         `json:"disk_written_bytes"`
	LogWritten  uint64         `json:"log_written_bytes"`
	DiskRead    uint64         `json:"disk_read_bytes"`
	Processes   []ProcessUsage `json:"processes"`
	Silent      []string       `json:"silent"` // nodes that are missing in the sums
}

// ProcessUsage is one process's part.
type ProcessUsage struct {
	Host       string   `json:"host"`
	PID        uint32   `json:"pid"`
	CPUSeconds float64  `json:"cpu_s"`
	RSS        uint64   `json:"rss_bytes"`
	Nodes      []string `json:"nodes"`
}

func (s *Server) usage(r *http.Request) (any, error) {
	f, err := s.facts(r)
	if err != nil {
		return nil, err
	}
	return sumUsage(f), nil
}

func sumUsage(f *health.Facts) *Usage {
	u := &Usage{Processes: []ProcessUsage{}, Silent: []string{}}
	at := map[string]int{}
	for _, n := range f.Nodes {
		rep := f.ReportOf(n.Id)
		if rep == nil {
			u.Silent = append(u.Silent, n.Name)
			continue
		}
		u.addNode(rep)
		key := fmt.Sprintf("%s/%s/%d", rep.Host.GetHost(), rep.Host.GetBoot(), rep.Process.GetPid())
		i, seen := at[key]
		if !seen {
			i = len(u.Processes)
			at[key] = i
			u.addProcess(rep)
		}
		u.Processes[i].Nodes = append(u.Processes[i].Nodes, n.Name)
	}
	return u
}

func (u *Usage) addNode(rep *pb.ReportReply) {
	u.LogFsyncs += rep.Process.GetLogFsyncs()
	u.LogWritten += rep.Process.GetLogWritten()
	for _, d := range rep.Disks {
		u.DiskFsyncs += d.Fsyncs
		u.DiskWritten += d.Written
		u.DiskRead += d.Read
	}
}

func (u *Usage) addProcess(rep *pb.ReportReply) {
	p := ProcessUsage{
		Host: rep.Host.GetHost(), PID: rep.Process.GetPid(),
		CPUSeconds: float64(rep.Process.GetCpuUs()) / 1e6, RSS: rep.Process.GetRss(),
	}
	u.CPUSeconds += p.CPUSeconds
	u.RSS += p.RSS
	u.Calls += rep.Process.GetCalls()
	u.Processes = append(u.Processes, p)
}

// atOnce calls f for all names side by side.
func atOnce(names []string, f func(string) error) error {
	errs := make([]error, len(names))
	var wg sync.WaitGroup
	for i, name := range names {
		wg.Go(func() { errs[i] = f(name) })
	}
	wg.Wait()
	return errors.Join(errs...)
}
