package health

import (
	"fmt"

	"cairn/node/data"
	"cairn/placement"
)

// healthWord names what a node says of its disk.
func healthWord(h uint32) string { return data.Health(min(h, 255)).String() }

// counts reports whether the shards on a disk count: after a failed sync it
// cannot be vouched for.
func counts(h uint32) bool { return data.Health(min(h, 255)) < data.Failed }

// fullAt is the share used from which a disk is worth a warning; at its reserve
// (5 %) it takes no more.
const fullAt = 0.85

func (s *Status) eachDisk(f func(n Node, d Disk)) {
	for _, n := range s.allNodes() {
		for _, d := range n.Disks {
			f(n, d)
		}
	}
}

func diskName(n Node, d Disk) string { return fmt.Sprintf("disk %d of %s", d.ID, n.Name) }

func okDisks(v *view) string { return counted(len(v.Facts.Disks), "disk") + ", none failed" }

func findDisks(v *view) (out []Condition) {
	v.eachDisk(func(n Node, d Disk) {
		c := Condition{Severity: Warning, Affected: []string{diskName(n, d)}}
		switch {
		case d.Health == data.Failed.String():
			c.Name, c.Severity = "disk-failed", Critical
			c.What = fmt.Sprintf("%s has failed: %s", diskName(n, d), d.Why)
			c.Next = "replace the disk and start the node with an empty directory in its place; its shards are rebuilt elsewhere"
		case d.State == placement.DiskOut.String():
			c.Name, c.Since = "disk-out", d.Since
			c.What = fmt.Sprintf("%s is out: %s; its shards are rebuilt elsewhere", diskName(n, d), d.Why)
			c.Next = "bring the node back, or let the repair finish; see `cairn status`"
		case d.State == placement.DiskDraining.String():
			c.Name, c.Severity, c.Since = "disk-draining", Info, d.Since
			c.What, c.Next = diskName(n, d)+" is draining", "wait until it is empty"
		case d.State == placement.DiskIn.String() && n.State == "up" && d.Health == "unknown":
			c.Name = "disk-missing"
			c.What = fmt.Sprintf("%s is not open, though the node is up", diskName(n, d))
			c.Next = "check that it is mounted, then restart the node; its log says why it was left out"
		case d.Bad > 0:
			c.Name = "bad-shards"
			c.What = fmt.Sprintf("%d shards on %s failed their check and wait to be rebuilt", d.Bad, diskName(n, d))
			c.Next = "nothing, if it happens once; replace a disk that does it again"
		default:
			return
		}
		out = append(out, c)
	})
	return out
}

func okSpace(v *view) string {
	return fmt.Sprintf("the fullest disk is %.0f %% full", 100*v.Space.Fullest)
}

func findSpace(v *view) (out []Condition) {
	writable, in := 0, 0
	v.eachDisk(func(n Node, d Disk) {
		if d.State != placement.DiskIn.String() || d.Health == "unknown" || d.Bytes == 0 {
			return
		}
		in++
		if d.Health == data.Healthy.String() {
			writable++
		}
		used := 1 - float64(d.Free)/float64(d.Bytes)
		c := Condition{Affected: []string{diskName(n, d)}, Next: "add disks or nodes, or delete something: deletes always work"}
		switch {
		case d.Health == data.Full.String():
			c.Name, c.Severity = "disk-full", Critical
			c.What = diskName(n, d) + " is full: it takes no new shards"
		case used >= fullAt:
			c.Name, c.Severity, c.Later = "disk-nearly-full", Warning, true
			c.What = fmt.Sprintf("%s is %.0f %% full", diskName(n, d), 100*used)
		default:
			return
		}
		out = append(out, c)
	})
	if in > 0 && writable == 0 {
		out = append(out, Condition{
			Name: "cluster-full", Severity: Critical, Affected: []string{}, Stops: true,
			What: "every disk is full or has failed: nothing can be written", Next: "delete something, or add disks or nodes",
		})
	}
	return out
}
