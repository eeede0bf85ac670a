package placement

import "cairn/store"

// homeOf finds from where its shards are which home a row was built for. A
// fallback row whose left-out zone or node cannot be told any more, because the
// cluster shrank into it, is at home everywhere.
func (g *group) homeOf(r int) home {
	h := anywhere
	switch row := g.row(r); {
	case g.policy.Class == store.ClassOneZone:
		h.only = g.mainZone(row)
	case g.rows[r].Class == PGFallback:
		h.without = g.zoneWithout(row)
		if h.without < 0 {
			h.withoutNode = g.nodeWithout(row)
		}
	}
	return h
}

// mainZone returns the zone with most shards of the row.
func (g *group) mainZone(row []int32) int32 {
	count := make([]int, len(g.t.zones))
	best := int32(-1)
	for _, d := range row {
		if d < 0 {
			continue
		}
		z := g.t.zoneOf[g.t.nodeOf[d]]
		if count[z]++; best < 0 || count[z] > count[best] {
			best = z
		}
	}
	return best
}

func (g *group) zoneWithout(row []int32) int32 {
	used := make([]bool, len(g.t.zones))
	for _, d := range row {
		if d >= 0 {
			used[g.t.zoneOf[g.t.nodeOf[d]]] = true
		}
	}
	return firstUnused(used)
}

func (g *group) nodeWithout(row []int32) int32 {
	used := make([]bool, len(g.t.nodes))
	for _, d := range row {
		if d >= 0 {
			used[g.t.nodeOf[d]] = true
		}
	}
	return firstUnused(used)
}

func firstUnused(used []bool) int32 {
	for i, u := range used {
		if !u {
			return int32(i)
		}
	}
	return -1
}

// normalHomes are the homes that a policy's normal rows take turns in.
func normalHomes(t *Topology, p Policy) []home {
	if p.Class != store.ClassOneZone {
		return []home{anywhere}
	}
	var out []home
	for z := range t.zones {
		h := anywhere
		h.only = int32(z)
		if ps := newPools(t, h); fits(t, p, ps, p.Level) {
			out = append(out, h)
		}
	}
	return out
}

// fallbackHomes are the homes of a policy's fallback rows: one for every zone,
// and with fewer than three zones for every node, that no normal row can avoid.
// What is left must hold all n shards and still survive one domain of the
// policy's fallback level.
func fallbackHomes(t *Topology, p Policy) []home {
	if p.Fallback == LevelNone {
		return nil
	}
	zones, nodes, _ := newPools(t, anywhere).live()
	var out []home
	add := func(h home) {
		if fits(t, p, newPools(t, h), p.Fallback) {
			out = append(out, h)
		}
	}
	if zones > 1 && zones <= p.N() {
		for z := range t.zones {
			h := anywhere
			h.without = int32(z)
			add(h)
		}
	}
	if zones < 3 && nodes > 1 && nodes <= p.N() {
		for n := range t.nodes {
			h := anywhere
			h.withoutNode = int32(n)
			add(h)
		}
	}
	return out
}

// fits reports whether the pools hold a row of the policy that survives the
// loss of any one domain of the level.
func fits(t *Topology, p Policy, ps *pools, level Level) bool {
	row, ok := sampleRow(t, p, ps, 0)
	return ok && p.AckedAt(level, &row, t, uint16(1<<p.N()-1))
}

// sampleRow places one row; ok is false if there are too few disks.
func sampleRow(t *Topology, p Policy, ps *pools, id PGID) (row PG, ok bool) {
	row = PG{ID: id, Policy: p.ID, Holders: make([]DiskID, p.N())}
	g := newGroup(t, map[home]*pools{ps.home: ps}, p, []*PG{&row})
	return row, g.fillRow(0, ps)
}

// fillRow places all shards of an empty row and writes its holders.
func (g *group) fillRow(r int, ps *pools) bool {
	for i := range g.n {
		d := g.place(r, i, ps, buildDraws)
		if d < 0 {
			return false
		}
		g.set(r, i, d)
	}
	g.writeHolders(r)
	return true
}

func (g *group) writeHolders(r int) {
	for i, d := range g.row(r) {
		g.rows[r].Holders[i] = g.t.disks[d].ID
	}
}
