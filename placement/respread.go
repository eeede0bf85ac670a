package placement

import "math"

// Rows are built for the topology that there was. When a zone or nodes are added,
// old rows could survive more than they do; when disks were lost, repairs may
// have put two shards on a node because nothing else was left. spread finds both.

// Spread returns the moves by which rows that lie worse than they could lie as well
// as they can, each row like others of its policy and class. It leaves rows that
// are moving, and disks that shards must leave, to others.
func Spread(t *Topology, policies []Policy, rows []PG) (*Plan, error) {
	groups, err := groupRows(t, policies, rows)
	if err != nil {
		return nil, err
	}
	plan := &Plan{}
	for _, g := range groups {
		g.spread(plan)
	}
	plan.Ideal = len(plan.Moves)
	return plan, nil
}

// spread moves shards to zones and nodes where the row survives more, in each
// row the worst placed shard first, so that no more than needed move.
func (g *group) spread(plan *Plan) {
	for r := range g.rows {
		// A row that is moving is left alone until it is done: one slot at a time is
		// the rule of fills, and the next plan sees where it got to.
		if g.touched[r] == math.MaxUint16 {
			continue
		}
		ps := g.pools(g.homeOf(r))
		for {
			slot := g.worstPlaced(r, ps)
			if slot < 0 {
				break
			}
			// place ranks zones as worstPlaced did, so each step makes the row better and
			// the loop ends; touched keeps a slot from moving twice in a plan.
			to := g.place(r, slot, ps, relocateDraws)
			if to < 0 {
				break
			}
			g.set(r, slot, to)
			g.record(plan, r, slot, WhySpread)
		}
	}
}

// worstPlaced returns the improvable slot of row r that ranks worst where it is,
// -1 if there is none.
func (g *group) worstPlaced(r int, ps *pools) int {
	if g.even(r, ps) {
		return -1
	}
	worst, worstRank := -1, 0
	for slot := range g.n {
		if g.touched[r]&(1<<slot) != 0 {
			continue
		}
		if here, there := g.ranks(r, slot, ps); there < here && (worst < 0 || here > worstRank) {
			worst, worstRank = slot, here
		}
	}
	return worst
}

// even reports whether the row shares no node and fills the zones of its home
// evenly: then no shard ranks better elsewhere, and nearly all rows are so.
func (g *group) even(r int, ps *pools) bool {
	c := &g.census
	c.take(g.t, ps, g.row(r), -1)
	least, most := MaxShards, 0
	for z, n := range c.shards {
		if len(ps.zones[z].disks) == 0 && n == 0 {
			continue
		}
		if len(ps.zones[z].disks) == 0 || c.nodes[z] != n {
			return false
		}
		least, most = min(least, n), max(most, n)
	}
	return most-least <= 1
}

// ranks returns how the shard ranks where it is (away from home ranks last) and
// in the best place there is. A shard whose disk takes none is not judged.
func (g *group) ranks(r, slot int, ps *pools) (here, there int) {
	row := g.row(r)
	d := row[slot]
	if d < 0 || g.t.weight(d) == 0 {
		return 0, 0
	}
	c, m := &g.census, int(g.policy.M)
	c.take(g.t, ps, row, slot)
	z := c.best(ps, m, 0)
	if z < 0 {
		return 0, 0
	}
	if !ps.home.allows(g.t, d) {
		return math.MaxInt, c.rank(ps, z, m)
	}
	return c.rankHere(g.t, row, slot, m), c.rank(ps, z, m)
}
