package health

import (
	"slices"

	"cairn/placement"
	pb "cairn/proto"
	"cairn/store"
)

// topology is the rows as the placement rules see them.
func (f *Facts) topology() (*placement.Topology, error) {
	var nodes []placement.Node
	for _, n := range f.Nodes {
		nodes = append(nodes, placement.Node{ID: placement.NodeID(n.Id), Name: n.Name, Zone: n.Zone})
	}
	var disks []placement.Disk
	for _, d := range f.Disks {
		disks = append(disks, placement.Disk{
			ID: placement.DiskID(d.Id), Node: placement.NodeID(d.Node), Capacity: int64(d.Bytes),
			Class: placement.DiskClass(d.Class), Admin: placement.AdminState(d.Admin),
		})
	}
	return placement.NewTopology(nodes, disks)
}

// data computes what each policy survives now, from the rows and the disks that
// answer.
func (f *Facts) data() Data {
	d := Data{Margin: "holds nothing", Policies: []Policy{}}
	topo, err := f.topology()
	if err != nil || len(f.Policies) == 0 {
		return d
	}
	live := map[placement.DiskID]bool{}
	for _, row := range f.Disks {
		live[placement.DiskID(row.Id)] = f.live(placement.DiskID(row.Id))
	}
	all := placement.Margins(topo, f.Policies, f.PGs, func(id placement.DiskID) bool { return live[id] }, f.used())
	weakest := -1
	for i, h := range all {
		d.Policies = append(d.Policies, policyOf(topo, f.Policies[i], h))
		if h.Rows > 0 && f.Policies[i].Class == store.ClassStandard && (weakest < 0 || h.Margin.Below(all[weakest].Margin)) {
			weakest = i
		}
	}
	if weakest >= 0 {
		d.Margin = all[weakest].Margin.String()
	}
	return d
}

// used selects the rows that a margin is about: those that hold shards, or may do
// so for all that is known, and those that the standard class writes to next.
func (f *Facts) used() func(*placement.PG) bool {
	holds := map[placement.PGID]bool{}
	heard := map[placement.DiskID]bool{}
	for _, d := range f.Disks {
		if r := f.ReportOf(d.Node); r != nil {
			heard[placement.DiskID(d.Id)] = true
			for _, pg := range r.UsedPgs {
				holds[placement.PGID(pg)] = true
			}
		}
	}
	standard := map[placement.PolicyID]bool{}
	for _, p := range f.Policies {
		standard[p.ID] = p.Class == store.ClassStandard && p.State == placement.StateOpen
	}
	return func(pg *placement.PG) bool {
		return holds[pg.ID] || standard[pg.Policy] && pg.Class == placement.PGNormal ||
			!slices.ContainsFunc(pg.Holders, func(d placement.DiskID) bool { return heard[d] })
	}
}

func policyOf(topo *placement.Topology, p placement.Policy, h placement.Health) Policy {
	zones := h.Margin.Zones()
	out := Policy{
		ID: p.ID, Code: p.Code(), Class: className(p.Class), Label: p.Label, State: p.State.String(), Overhead: p.Overhead(),
		Margin: h.Margin.String(), Zones: zones, Nodes: max(h.Margin.After[zones], 0),
		Groups: h.Rows, ByLeft: h.Left, Moving: h.Moving, Unreadable: h.Unreadable, Worst: h.Worst,
		margin: h.Margin, promise: h.Margin,
	}
	if h.Rows == 0 {
		out.Zones, out.Nodes = 0, 0
	}
	if promise, err := placement.Promise(topo, p); err == nil {
		out.promise = promise
	}
	out.Promise = out.promise.String()
	if out.Worst == nil {
		out.Worst = []placement.PGID{}
	}
	return out
}

func className(c store.Class) string {
	switch c {
	case store.ClassEconomy:
		return "economy"
	case store.ClassOneZone:
		return "one-zone"
	}
	return "standard"
}

// space adds up the disks that are in.
func (f *Facts) space(policies []Policy) Space {
	s := Space{Overhead: 1}
	for _, row := range f.Disks {
		if !placement.AdminState(row.Admin).Counted() {
			continue
		}
		s.Raw += row.Bytes
		if b := f.Beats[placement.DiskID(row.Id)]; b != nil {
			s.Used += b.Used
			s.Free += b.Free
			s.Fullest = max(s.Fullest, share(row, b))
		}
	}
	for _, p := range policies { // the erasure code of the standard class, or its only one
		if p.Class == "standard" && p.State == placement.StateOpen.String() && (s.Overhead == 1 || p.Overhead < s.Overhead) {
			s.Overhead = p.Overhead
		}
	}
	s.Usable = uint64(float64(s.Free) / s.Overhead)
	return s
}

// share is how much of a disk is used.
func share(row *pb.DiskRow, b *pb.DiskBeat) float64 {
	if row.Bytes == 0 {
		return 0
	}
	return 1 - min(float64(b.Free)/float64(row.Bytes), 1)
}

// repairs tells of the rows that are not where they should be.
func (f *Facts) repairs() Repairs {
	r := Repairs{Total: len(f.PGs), Fills: []Fill{}}
	counted := map[placement.DiskID]bool{}
	for _, d := range f.Disks {
		counted[placement.DiskID(d.Id)] = placement.AdminState(d.Admin).Counted()
	}
	for i := range f.PGs {
		pg := &f.PGs[i]
		lost := 0
		for _, d := range pg.Holders {
			if !counted[d] {
				lost++
			}
		}
		r.Lost += lost
		r.Slots += pg.Moving()
		if lost == 0 && pg.Moving() == 0 {
			r.Done++
		}
	}
	for _, n := range f.Nodes {
		rep := f.Reports[placement.NodeID(n.Id)]
		if !f.answers(placement.NodeID(n.Id)) {
			continue
		}
		for _, p := range rep.Fills {
			r.Copied += p.Bytes
			r.Fills = append(r.Fills, Fill{
				PG: p.Pg, Slot: p.Slot, Node: n.Name, Disk: placement.DiskID(p.Disk), Looked: p.Blobs, Copied: p.Copied,
				Bytes: p.Bytes, Waits: p.Waits, Started: *timeOrNow(p.StartedMs, f),
			})
		}
	}
	return r
}
