package health

import (
	"fmt"
	"math"
	"slices"
	"time"

	"cairn/placement"
	pb "cairn/proto"
)

// metadata describes the Raft groups from the reports of their replicas.
func (f *Facts) metadata() Metadata {
	m := Metadata{Margin: "holds nothing", Groups: []Group{}}
	for i, row := range f.Groups {
		g := f.group(row)
		if i == 0 || g.margin.Below(m.weakest()) {
			m.Margin = g.Margin
		}
		m.Groups = append(m.Groups, g)
	}
	return m
}

// weakest returns the smallest margin of the groups so far.
func (m *Metadata) weakest() placement.Margin {
	w := m.Groups[0].margin
	for _, g := range m.Groups[1:] {
		if g.margin.Below(w) {
			w = g.margin
		}
	}
	return w
}

func (f *Facts) group(row *pb.GroupRow) Group {
	g := Group{ID: row.Id, Name: groupName(row.Id), Replicas: []Replica{}}
	var applied uint64
	for _, m := range row.Members {
		if rep := f.replica(m.Node, row.Id); rep != nil {
			if rep.Leads && rep.Term >= g.Term {
				g.Leader, g.Term, applied = f.nodeName(m.Node), rep.Term, rep.Applied
			}
		}
	}
	votes := map[string]int{} // voters that take part, by zone
	for _, m := range row.Members {
		r := f.replicaStatus(m.Node, f.replica(m.Node, row.Id), g.Leader)
		if g.Leader != "" && r.Applied != 0 && applied > r.Applied {
			r.Behind = applied - r.Applied
		}
		if r.State == "leader" || r.State == "follower" {
			votes[r.Zone]++
		}
		g.Replicas = append(g.Replicas, r)
	}
	g.margin = quorumMargin(len(row.Members), votes)
	g.Quorum = g.margin.Disks >= 0
	g.Margin = quorumWords(g.margin)
	return g
}

func groupName(id uint32) string {
	if id == 0 {
		return "root"
	}
	return fmt.Sprintf("meta %d", id)
}

// replica returns what a node says of its replica of a group, nil if nothing.
func (f *Facts) replica(node, group uint32) *pb.ReplicaReport {
	if !f.answers(placement.NodeID(node)) {
		return nil
	}
	for _, r := range f.Reports[placement.NodeID(node)].Replicas {
		if r.Group == group {
			return r
		}
	}
	return nil
}

func (f *Facts) replicaStatus(node uint32, rep *pb.ReplicaReport, leader string) Replica {
	r := Replica{Node: f.nodeName(node), Zone: f.zoneOf(node)}
	switch {
	case rep == nil && !f.answers(placement.NodeID(node)):
		r.State = "silent"
		return r
	case rep == nil:
		r.State, r.Why = "missing", "the node has not opened it yet"
		return r
	case rep.Halted != "":
		r.State, r.Why = "halted", rep.Halted
	case rep.Muted:
		r.State, r.Why = "muted", "it lost a part of its log and catches up before it votes again"
	case rep.Leads && r.Node == leader:
		r.State = "leader"
	default:
		r.State = "follower"
	}
	r.Applied = rep.Applied
	return r
}

func (f *Facts) zoneOf(node uint32) string {
	for _, n := range f.Nodes {
		if n.Id == node {
			return n.Zone
		}
	}
	return ""
}

// quorumMargin is what a group of so many voters survives when those counted by
// zone take part. Losing a voter is losing its node.
func quorumMargin(voters int, votes map[string]int) placement.Margin {
	need := voters/2 + 1
	var zones []int
	alive := 0
	for _, n := range votes {
		zones = append(zones, n)
		alive += n
	}
	slices.SortFunc(zones, func(a, b int) int { return b - a }) // losing the fullest is worst
	m := placement.Margin{After: [3]int{alive - need, -1, -1}, Disks: alive - need}
	for z := 1; z < len(m.After) && z < len(zones); z++ {
		alive -= zones[z-1]
		m.After[z] = max(alive-need, -1)
	}
	if len(zones) == 0 {
		m.After[0], m.Disks = -1, math.MinInt32
	}
	return m
}

// owed adds up what the leaders tell of debts and deletions.
func (f *Facts) owed() (Debts, Deletes) {
	d, del := Debts{ByLeft: map[uint32]uint64{}, Unknown: []uint32{}}, Deletes{}
	for _, g := range f.Groups {
		if g.Id == 0 {
			continue // the root has no blobs
		}
		o := f.owedOf(g)
		if o == nil {
			d.Unknown = append(d.Unknown, g.Id)
			continue
		}
		for left, n := range o.DebtsByLeft {
			d.Blobs += n
			d.ByLeft[left] += n
		}
		if o.Why != "" {
			d.Why = o.Why
		}
		if t := timeOfMs(o.OldestDebtMs); t != nil && (d.Oldest == nil || t.Before(*d.Oldest)) {
			d.Oldest = t
		}
		del.Waiting += o.WaitingDeletes
		del.Overdue += o.OverdueDeletes
		del.Bytes += o.DeleteBytes
	}
	return d, del
}

// owedOf returns what the leader of a group tells, nil if it does not.
func (f *Facts) owedOf(g *pb.GroupRow) *pb.OwedReport {
	var newest *pb.ReplicaReport
	for _, m := range g.Members {
		if r := f.replica(m.Node, g.Id); r != nil && r.Leads && r.Owed != nil && (newest == nil || r.Term > newest.Term) {
			newest = r
		}
	}
	if newest == nil {
		return nil
	}
	return newest.Owed
}

func timeOrNow(ms int64, f *Facts) *time.Time {
	if t := timeOfMs(ms); t != nil {
		return t
	}
	return &f.Now
}
