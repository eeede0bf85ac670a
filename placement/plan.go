package placement

import "cairn/store"

// Plan is a list of moves that fits rows to a topology. Moves of one group are
// to be begun in the order given, each after the one before is done.
type Plan struct {
	Moves []Move
	Ideal int    // slots that any plan would have to move at least
	Stuck []PGID // rows with a shard on a leaving disk and no disk to take it
	Bytes int64  // moved, if Options.SlotBytes was given
}

// Excess returns how many slots are moved for each one that must be; 1 is ideal
// (0 if nothing moves).
func (p *Plan) Excess() float64 {
	return float64(len(p.Moves)) / float64(max(p.Ideal, 1))
}

// Options modify a plan.
type Options struct {
	// Force plans even what leaves groups less safe than they are.
	Force bool
	// SlotBytes returns the bytes that one shard slot of the row holds. If given,
	// a plan that overfills a disk is refused, and Plan.Bytes is filled in.
	SlotBytes func(*PG) int64
}

// NewPlan returns the moves that fit rows to t, given that they were made for
// old: shards leave disks that are not in, rows spread over zones and nodes that
// can make them survive more, over-full disks give to under-full ones. Rows that
// are moving are left for the next plan. Nothing given is changed.
//
// A plan is refused with [store.KindPrecondition] (Reason "below-safety", "full")
// or, when no placement exists at all, [store.KindInvalid] ("too-few-disks").
func NewPlan(old, t *Topology, policies []Policy, rows []PG, opt Options) (*Plan, error) {
	plan, _, err := newPlan(old, t, policies, rows, opt)
	if err != nil {
		return nil, err
	}
	return plan, nil
}

// newPlan also returns the bytes on each disk after the plan, by disk index.
func newPlan(old, t *Topology, policies []Policy, rows []PG, opt Options) (*Plan, []int64, error) {
	groups, err := groupRows(t, policies, rows)
	if err != nil {
		return nil, nil, err
	}
	if err := checkSafety(old, t, policies, groups, opt.Force); err != nil {
		return nil, nil, err
	}
	// Policies share the disks but are planned one by one: each is balanced by
	// itself, so their sum is, and a plan for one does not wait for all.
	plan := &Plan{}
	after := make([]int64, len(t.disks))
	for _, g := range groups {
		g.plan(plan)
		if opt.SlotBytes != nil {
			g.addBytes(after, opt.SlotBytes)
		}
	}
	if opt.SlotBytes == nil {
		return plan, after, nil
	}
	plan.addBytes(rows, opt.SlotBytes)
	return plan, after, checkFill(t, after)
}

// groupRows sorts the rows into groups, in the order of policies.
func groupRows(t *Topology, policies []Policy, rows []PG) ([]*group, error) {
	type key struct {
		policy PolicyID
		class  PGClass
	}
	known := make(map[PolicyID]bool)
	for _, p := range policies {
		known[p.ID] = true
	}
	byKey := make(map[key][]*PG)
	for r := range rows {
		if !known[rows[r].Policy] {
			return nil, store.Errorf(store.KindInvalid, "plan", "group %d is of policy %d, which does not exist", rows[r].ID, rows[r].Policy)
		}
		if rows[r].State != StateRetired {
			k := key{rows[r].Policy, rows[r].Class}
			byKey[k] = append(byKey[k], &rows[r])
		}
	}
	homes := make(map[home]*pools)
	var out []*group
	for _, p := range policies {
		for _, class := range []PGClass{PGNormal, PGFallback} {
			if rows := byKey[key{p.ID, class}]; len(rows) > 0 {
				out = append(out, newGroup(t, homes, p, rows))
			}
		}
	}
	return out, nil
}

// plan appends the group's moves.
func (g *group) plan(plan *Plan) {
	// In this order: what must leave goes first, to the emptiest disks, which spares
	// moves of balance; spread may still improve where it went; balance last, as it
	// never undoes the others' work.
	before := append([]int32(nil), g.load...)
	evacuated := g.evacuate(plan)
	g.spread(plan)
	ideal := max(g.deficit(before), evacuated)
	g.balance(func(r, slot int) { g.record(plan, r, slot, WhyBalance) })
	plan.Ideal += ideal
}

// record appends the move of a slot to where it is now.
func (g *group) record(plan *Plan, r, slot int, why Reason) {
	g.touched[r] |= 1 << slot
	pg := g.rows[r]
	plan.Moves = append(plan.Moves, Move{PG: pg.ID, Slot: slot, From: pg.Holders[slot], To: g.t.disks[g.row(r)[slot]].ID, Why: why})
}

// evacuate moves every shard off the disks that are not in.
func (g *group) evacuate(plan *Plan) (moved int) {
	for r := range g.rows {
		for slot, d := range g.row(r) {
			if g.touched[r]&(1<<slot) != 0 || d >= 0 && g.t.disks[d].Admin == DiskIn {
				continue
			}
			why := WhyRepair
			if d >= 0 && g.t.disks[d].Admin == DiskDraining {
				why = WhyDrain
			}
			// A row with no place for one shard has none for the next one either.
			if !g.relocate(r, slot) {
				plan.Stuck = append(plan.Stuck, g.rows[r].ID)
				break
			}
			g.record(plan, r, slot, why)
			moved++
		}
	}
	return moved
}

// relocate gives a slot a new disk, at home if possible.
func (g *group) relocate(r, slot int) bool {
	// A home without room is no reason to lose the shard: it goes anywhere, and home
	// when there is room again.
	to := g.place(r, slot, g.pools(g.homeOf(r)), relocateDraws)
	if to < 0 {
		to = g.place(r, slot, g.pools(anywhere), relocateDraws)
	}
	if to < 0 {
		return false
	}
	g.set(r, slot, to)
	return true
}

// deficit sums what the disks lacked, with the given loads, of their targets in
// the zones as they are now: every plan has to move at least that many slots.
func (g *group) deficit(load []int32) (sum int) {
	ps := g.pools(anywhere)
	for z := range ps.zones {
		for d, target := range g.targets(ps, z, load) {
			sum += int(max(0, target-load[d]))
		}
	}
	return sum
}

func (g *group) addBytes(after []int64, slotBytes func(*PG) int64) {
	for r, pg := range g.rows {
		b := slotBytes(pg)
		for _, d := range g.row(r) {
			if d >= 0 {
				after[d] += b
			}
		}
	}
}

func (p *Plan) addBytes(rows []PG, slotBytes func(*PG) int64) {
	moves := make(map[PGID]int64)
	for _, m := range p.Moves {
		moves[m.PG]++
	}
	for r := range rows {
		if n := moves[rows[r].ID]; n > 0 {
			p.Bytes += n * slotBytes(&rows[r])
		}
	}
}
