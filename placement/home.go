package placement

import (
	"cmp"
	"slices"

	"cairn/store"
)

// homeOf returns the home of row r.
func (g *group) homeOf(r int) home {
	if g.policy.Class != store.ClassOneZone && g.rows[r].Class == PGNormal {
		return anywhere
	}
	// Only one-zone and fallback rows need it, so it is found when first asked for.
	if g.homeByRow == nil {
		g.assignHomes()
	}
	return g.homeByRow[r]
}

// assignHomes gives every row the home that it fits with fewest moves. A row does
// not say which zone it was built for, or which zone or node to leave out; where
// its shards are says it, unless repairs made it unclear, and then the home that
// has fewest rows gets it.
func (g *group) assignHomes() {
	g.homeByRow = make([]home, len(g.rows))
	homes := homesOf(g.t, g.policy, g.rows[0].Class)
	if len(homes) == 0 {
		homes = []home{anywhere}
	}
	rows := make([]int, len(homes))
	var unclear []int
	for r := range g.rows {
		fit := g.bestHomes(r, homes)
		if len(fit) > 1 {
			unclear = append(unclear, r)
			continue
		}
		g.homeByRow[r] = homes[fit[0]]
		rows[fit[0]]++
	}
	// The clear ones first: they say which homes are short of rows.
	for _, r := range unclear {
		fit := g.bestHomes(r, homes)
		if calm := g.calmHomes(r, homes, fit); len(calm) > 0 {
			fit = calm
		}
		best := slices.MinFunc(fit, func(a, b int) int { return cmp.Compare(rows[a], rows[b]) })
		g.homeByRow[r] = homes[best]
		rows[best]++
	}
}

// calmHomes returns those of the homes fit in which row r lies as well as it
// can, so that what one plan has spread the next leaves alone.
func (g *group) calmHomes(r int, homes []home, fit []int) (calm []int) {
	for _, i := range fit {
		if g.worstPlaced(r, g.pools(homes[i])) < 0 {
			calm = append(calm, i)
		}
	}
	return calm
}

// bestHomes returns the indexes of the homes that have fewest shards of row r
// where none should be.
func (g *group) bestHomes(r int, homes []home) (best []int) {
	fewest := g.n + 1
	for i, h := range homes {
		misplaced := 0
		for _, d := range g.row(r) {
			if d >= 0 && !h.allows(g.t, d) {
				misplaced++
			}
		}
		if misplaced < fewest {
			best, fewest = best[:0], misplaced
		}
		if misplaced == fewest {
			best = append(best, i)
		}
	}
	return best
}

// everywhere reports whether the home leaves out no disk that is in: then it
// needs no rows of its own.
func (h home) everywhere(t *Topology) bool {
	for i := range t.disks {
		if t.disks[i].Admin == DiskIn && !h.allows(t, int32(i)) {
			return false
		}
	}
	return true
}

// allows reports whether a row with this home may have a shard on the disk.
func (h home) allows(t *Topology, disk int32) bool {
	node := t.nodeOf[disk]
	z := t.zoneOf[node]
	return (h.only < 0 || z == h.only) && z != h.without && node != h.withoutNode
}

// homesOf returns the homes that rows of the policy and class take turns in.
func homesOf(t *Topology, p Policy, class PGClass) []home {
	t = t.unavoided() // while a zone is away, rows must stay what they are
	if class == PGFallback {
		return fallbackHomes(t, p)
	}
	return normalHomes(t, p)
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
	// A zone that no row of the policy needs, because there are more zones than
	// shards, is avoided by choosing a normal row that is not there.
	if p.Fallback == LevelNone {
		return nil
	}
	zones, nodes, _ := newPools(t, anywhere).live()
	var out []home
	add := func(h home) {
		if !h.everywhere(t) && fits(t, p, newPools(t, h), p.Fallback) {
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
	for id := range PGID(len(t.zones)) { // where a row begins turns with its number
		row, ok := sampleRow(t, p, ps, id)
		if !ok || !p.AckedAt(level, &row, t, uint16(1<<p.N()-1)) {
			return false
		}
	}
	return true
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
