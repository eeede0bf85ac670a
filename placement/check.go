package placement

import (
	"fmt"
	"slices"
)

// Violation is a row that is not placed as it should be.
type Violation struct {
	PG   PGID
	Hard bool // never allowed; otherwise a plan would make it better
	Text string
}

// String returns the violation as one line.
func (v Violation) String() string { return fmt.Sprintf("group %d: %s", v.PG, v.Text) }

// Check returns the rows that break the rules of a row: the number of shards is
// not the policy's, a disk is unknown or has two shards of the row (both hard),
// or a shard could be on another node or in another zone where the row would
// survive more. A row that shares a node because nothing better exists is none,
// and a moving row is not judged.
func Check(t *Topology, policies []Policy, rows []PG) ([]Violation, error) {
	groups, err := groupRows(t, policies, rows)
	if err != nil {
		return nil, err
	}
	var out []Violation
	for _, g := range groups {
		for r, pg := range g.rows {
			if v, bad := g.check(r, pg); bad {
				out = append(out, v)
			}
		}
	}
	return out, nil
}

// check judges by the same functions that plan: what it finds, a plan mends, and
// after a plan without stuck rows it finds nothing.
func (g *group) check(r int, pg *PG) (Violation, bool) {
	hard := func(format string, args ...any) (Violation, bool) {
		return Violation{PG: pg.ID, Hard: true, Text: fmt.Sprintf(format, args...)}, true
	}
	if len(pg.Holders) != g.n || pg.Prev != nil && len(pg.Prev) != g.n {
		return hard("has %d shards, %s has %d", len(pg.Holders), g.policy.Code(), g.n)
	}
	named := slices.Concat(pg.Holders, pg.Prev)
	for i, d := range named {
		_, known := g.t.diskAt[d]
		switch {
		case d == 0 && i >= g.n: // not moving
		case !known:
			return hard("disk %d is unknown", d)
		case slices.Contains(named[:i], d):
			return hard("disk %d has two shards", d)
		}
	}
	ps := g.pools(g.homeOf(r))
	if slot := g.worstPlaced(r, ps); slot >= 0 {
		return Violation{PG: pg.ID, Text: fmt.Sprintf("shard %d on disk %d could be spread better", slot, pg.Holders[slot])}, true
	}
	return Violation{}, false
}
