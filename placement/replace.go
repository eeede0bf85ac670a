package placement

import (
	"cmp"
	"slices"
)

// Replace returns the repairs that may begin now, most urgent first: a new disk
// for slots whose disk is out (or retired, or unknown). Urgency is the redundancy
// the row has left. A row has at most one moving slot at a time, so the rest of
// its lost slots wait for a later call, unless more than m−1 of its shards are
// lost: then all are replaced at once. Disks that must not be targets because
// they do not answer are excluded with [Topology.Avoiding].
func Replace(t *Topology, policies []Policy, rows []PG) ([]Move, error) {
	groups, err := groupRows(t, policies, rows)
	if err != nil {
		return nil, err
	}
	type repair struct {
		Move
		left int
	}
	var all []repair
	for _, g := range groups {
		for r, pg := range g.rows {
			lost, incomplete := g.lostSlots(pg)
			left := int(g.policy.M) - incomplete
			for _, slot := range lost[:min(len(lost), repairBudget(g.policy, pg, lost, incomplete))] {
				if g.relocate(r, slot) {
					to := g.t.disks[g.row(r)[slot]].ID
					all = append(all, repair{Move{PG: pg.ID, Slot: slot, From: pg.Holders[slot], To: to, Why: WhyRepair}, left})
				}
			}
		}
	}
	// By group among equals, so that every planner offers the same ones first.
	slices.SortStableFunc(all, func(a, b repair) int { return cmp.Or(cmp.Compare(a.left, b.left), cmp.Compare(a.PG, b.PG)) })
	moves := make([]Move, len(all))
	for i := range all {
		moves[i] = all[i].Move
	}
	return moves, nil
}

// lostSlots returns the slots whose holder is not counted, first those that were
// moving to it and so are under way already, and the number of slots of which
// not every shard is on a counted disk.
func (g *group) lostSlots(pg *PG) (lost []int, incomplete int) {
	for i, d := range pg.Holders {
		prev := pg.PrevOf(i)
		switch {
		case !g.t.Counted(d):
			incomplete++
			// Its target died while it was filled: nothing runs, and prev still has what
			// there is, so it is the first to begin again.
			if prev != 0 {
				lost = slices.Insert(lost, 0, i)
			} else {
				lost = append(lost, i)
			}
		case prev != 0 && !g.t.Counted(prev):
			incomplete++
		}
	}
	return lost, incomplete
}

// repairBudget returns how many lost slots of the row may begin to move.
func repairBudget(p Policy, pg *PG, lost []int, incomplete int) int {
	// One loss more could make the row unreadable: now speed counts, not the load on
	// the disks that are read.
	if incomplete > int(p.M)-1 {
		return len(lost)
	}
	running := pg.Moving()
	for _, slot := range lost {
		if pg.PrevOf(slot) != 0 {
			running-- // its target is gone: it does not run any more
		}
	}
	return max(0, 1-running)
}
