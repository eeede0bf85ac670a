package placement

import "math"

// scanLimit is the number of disks in a zone up to which all are looked at;
// beyond it a few are drawn by weight, so that a row costs the same in any
// cluster.
const scanLimit = 64

// Draws per shard: two are enough to build (the emptier of two random disks
// keeps loads within a few shards of each other); a repair or drain looks
// harder, since whatever it gets wrong is moved twice.
const (
	buildDraws    = 2
	relocateDraws = 32
)

// group is the working state for the rows of one policy and class, which are
// balanced together.
type group struct {
	t      *Topology
	homes  map[home]*pools // shared by all groups of a topology
	policy Policy
	n      int
	// Disks are indexes of the topology here, not ids: what is counted for each is
	// an array then, not a map.
	rows      []*PG    // never changed; at is what is planned
	at        []int32  // at[r*n+i] is the disk index of slot i of row r, -1 for none
	touched   []uint16 // by row: slots that may not be moved (again)
	load      []int32  // slots by disk index
	census    census
	homeByRow []home // of classes that are not at home everywhere; see assignHomes
}

func newGroup(t *Topology, homes map[home]*pools, policy Policy, rows []*PG) *group {
	n := policy.N()
	g := &group{
		t: t, homes: homes, policy: policy, n: n, rows: rows,
		at: make([]int32, len(rows)*n), touched: make([]uint16, len(rows)),
		load: make([]int32, len(t.disks)), census: newCensus(len(t.zones)),
	}
	for r, pg := range rows {
		row := g.row(r)
		for i := range row {
			row[i] = -1
			if i >= len(pg.Holders) {
				continue
			}
			// A holder that the topology does not know is as lost as one that is out.
			if d, ok := t.diskAt[pg.Holders[i]]; ok {
				row[i] = d
				g.load[d]++
			}
		}
		if pg.Moving() > 0 {
			g.touched[r] = math.MaxUint16
		}
	}
	return g
}

func (g *group) row(r int) []int32 { return g.at[r*g.n : (r+1)*g.n] }

func (g *group) pools(h home) *pools {
	p, ok := g.homes[h]
	if !ok {
		p = newPools(g.t, h)
		g.homes[h] = p
	}
	return p
}

// set puts slot of row r on disk d (-1: nowhere).
func (g *group) set(r, slot int, d int32) {
	cell := &g.at[r*g.n+slot]
	if *cell >= 0 {
		g.load[*cell]--
	}
	if *cell = d; d >= 0 {
		g.load[d]++
	}
}

// place returns the best disk for slot of row r, or -1. The zone is chosen by
// rank; among equals the one the shard is in, or one that turns with the row's
// number so that the odd shards spread. Within the zone the emptiest of a few
// disks on nodes the row does not use is taken.
func (g *group) place(r, slot int, ps *pools, draws int) int32 {
	row := g.row(r)
	c := &g.census
	c.take(g.t, ps, row, slot)
	first := int(g.rows[r].ID) % len(g.t.zones)
	if row[slot] >= 0 {
		first = int(g.t.zoneOf[g.t.nodeOf[row[slot]]])
	}
	for {
		z := c.best(ps, int(g.policy.M), first)
		if z < 0 {
			return -1
		}
		if d := g.pick(r, slot, ps, z, draws); d >= 0 {
			return d
		}
		// The zone has disks and none that this row may use: out of the running.
		c.disks[z] = math.MaxInt32
	}
}

// pick chooses a disk of the zone for slot of row r, or -1.
func (g *group) pick(r, slot int, ps *pools, zone, draws int) int32 {
	p := &ps.zones[zone]
	// With the generation in it, a slot that could not be filled on one disk is not
	// offered the same one again by the next plan.
	seed := mix(uint64(g.rows[r].ID), uint64(slot), uint64(g.rows[r].Gen))
	if len(p.disks) <= scanLimit {
		return g.scan(r, slot, ps, p, seed)
	}
	row := g.row(r)
	best, found := int32(-1), 0
	// Draws that hit the row's own nodes are thrown away; a few in vain are normal,
	// many mean that the zone is small, and then all its disks are looked at.
	for i := 0; i < 4*draws && found < draws; i++ {
		d := p.draw(mix(seed, uint64(i)))
		if row[slot] == d || nodeIn(g.t, row, slot, g.t.nodeOf[d]) || g.leaving(r, d) {
			continue
		}
		if found++; best < 0 || g.fill(ps, d) < g.fill(ps, best) {
			best = d
		}
	}
	if best >= 0 {
		return best
	}
	return g.scan(r, slot, ps, p, seed)
}

// scan looks at all disks of a pool: fewest shards of the row on the node, then
// emptiest, then by hash.
func (g *group) scan(r, slot int, ps *pools, p *pool, seed uint64) int32 {
	row := g.row(r)
	best, bestShared, bestFill, bestHash := int32(-1), 0, 0.0, uint64(0)
	for _, d := range p.disks {
		if holds(row, d) || g.leaving(r, d) {
			continue
		}
		shared, fill, h := g.shared(row, slot, g.t.nodeOf[d]), g.fill(ps, d), mix(seed, uint64(d))
		if best < 0 || shared < bestShared ||
			shared == bestShared && (fill < bestFill || fill == bestFill && h < bestHash) {
			best, bestShared, bestFill, bestHash = d, shared, fill, h
		}
	}
	return best
}

// shared counts the shards of row on node, slot aside.
func (g *group) shared(row []int32, slot int, node int32) int {
	n := 0
	for i, d := range row {
		if i != slot && d >= 0 && g.t.nodeOf[d] == node {
			n++
		}
	}
	return n
}

// The old disk of a slot that is being filled still has its shards: another slot
// of the row there would put two shards of a blob on one disk (invariant 9).

// leaving reports whether a shard of row r is still leaving disk d.
func (g *group) leaving(r int, d int32) bool {
	for _, prev := range g.rows[r].Prev {
		if prev == g.t.disks[d].ID {
			return true
		}
	}
	return false
}

// fill is how full a disk would be with one more shard, in shards per weight.
func (g *group) fill(ps *pools, d int32) float64 {
	return float64(g.load[d]+1) / ps.weight[d]
}

func holds(row []int32, d int32) bool {
	for _, x := range row {
		if x == d {
			return true
		}
	}
	return false
}
