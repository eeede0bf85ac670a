package health

import (
	"cmp"
	"slices"
	"time"

	"cairn/node/root"
	"cairn/placement"
	pb "cairn/proto"
)

// staleAfter is the age beyond which the leader's opinion says nothing about now.
const staleAfter = 5 * time.Second

// zones is the tree, in order of names.
func (f *Facts) zones() []Zone {
	zones := []Zone{}
	for _, row := range f.Nodes {
		i := slices.IndexFunc(zones, func(z Zone) bool { return z.Name == row.Zone })
		if i < 0 {
			i = len(zones)
			zones = append(zones, Zone{Name: row.Zone})
		}
		zones[i].Nodes = append(zones[i].Nodes, f.node(row))
	}
	for i := range zones {
		z := &zones[i]
		slices.SortFunc(z.Nodes, func(a, b Node) int { return cmp.Compare(a.Name, b.Name) })
		z.State = zoneState(z.Nodes)
	}
	slices.SortFunc(zones, func(a, b Zone) int { return cmp.Compare(a.Name, b.Name) })
	return zones
}

func zoneState(nodes []Node) string {
	up := 0
	for _, n := range nodes {
		if n.State == "up" {
			up++
		}
	}
	switch up {
	case len(nodes):
		return "up"
	case 0:
		return "down"
	}
	return "degraded"
}

func (f *Facts) node(row *pb.NodeRow) Node {
	id := placement.NodeID(row.Id)
	state, since := f.nodeState(id)
	n := Node{
		ID: id, Name: row.Name, Zone: row.Zone, State: state, Since: timeOf(since), Build: row.Build,
		Addr: row.Addr, S3: row.S3Addr, Admin: row.AdminAddr, Replicas: []uint32{}, Leads: []uint32{}, Disks: []Disk{},
	}
	for _, g := range f.Groups {
		if slices.ContainsFunc(g.Members, func(m *pb.GroupMember) bool { return m.Node == row.Id }) {
			n.Replicas = append(n.Replicas, g.Id)
		}
	}
	switch r := f.Reports[id]; {
	case r == nil:
	case r.Err != nil:
		n.Error = r.Err.Error()
	default:
		n.Answers, n.Build = true, r.Build
		n.Started, n.ClockOff = timeOfMs(r.StartedMs), seconds(r.Skew)
		for _, rep := range r.Replicas {
			if rep.Leads {
				n.Leads = append(n.Leads, rep.Group)
			}
		}
	}
	for _, d := range f.Disks {
		if d.Node == row.Id {
			n.Disks = append(n.Disks, f.disk(d))
		}
	}
	return n
}

// nodeState is the leader's opinion, or, if that is too old to say anything about
// now, whether the node answers.
func (f *Facts) nodeState(id placement.NodeID) (string, time.Time) {
	if f.LiveAge <= staleAfter {
		l, ok := f.Liveness[id]
		if !ok {
			return root.Unknown.String(), time.Time{}
		}
		return l.State.String(), l.Since
	}
	if f.answers(id) {
		return root.Up.String(), time.Time{}
	}
	return root.Unknown.String(), time.Time{}
}

// up reports whether a node counts as there.
func (f *Facts) up(id placement.NodeID) bool {
	state, _ := f.nodeState(id)
	return state == root.Up.String()
}

func (f *Facts) answers(id placement.NodeID) bool {
	r := f.Reports[id]
	return r != nil && r.Err == nil
}

func (f *Facts) disk(row *pb.DiskRow) Disk {
	d := Disk{
		ID: placement.DiskID(row.Id), State: placement.AdminState(row.Admin).String(), Health: "unknown",
		Since: timeOfMs(row.ChangedMs), Class: placement.DiskClass(row.Class).String(), Bytes: row.Bytes,
	}
	if placement.AdminState(row.Admin) != placement.DiskIn {
		d.Why = row.Reason
	}
	node := placement.NodeID(row.Node)
	if b := f.Beats[d.ID]; b != nil && f.up(node) {
		d.Health, d.Used, d.Free = healthWord(b.Health), b.Used, b.Free
		if b.Why != "" {
			d.Why = b.Why
		}
	}
	if r := f.Reports[node]; f.answers(node) {
		for _, rep := range r.Disks {
			if rep.Disk == row.Id {
				d.Shards, d.Bad = rep.Shards, rep.Bad
			}
		}
	}
	return d
}

// live reports whether a disk gives what it holds: its node is up and it has not
// failed.
func (f *Facts) live(id placement.DiskID) bool {
	for _, d := range f.Disks {
		if placement.DiskID(d.Id) != id {
			continue
		}
		b := f.Beats[id]
		return f.up(placement.NodeID(d.Node)) && (b == nil && f.LiveAge > staleAfter || b != nil && counts(b.Health))
	}
	return false
}
