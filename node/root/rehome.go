package root

import (
	"context"

	"cairn/placement"
	"cairn/store"
)

// rehome brings the fallback groups that took data while a zone was away home.
// Each step is one command, conditional on generations; a planner that dies
// leaves rows from which the next one goes on:
//
//  1. Once every disk that is in answers (see whole), a fallback row with data becomes a
//     sealed normal row and an empty fallback row takes its place, in the same
//     command. There is never a moment without the fallback row, and the sealed
//     one still names every disk that has its shards.
//  2. Its shards move one slot at a time, by the moves of any other kind: prev
//     keeps the old disk until the new one is complete (invariant 17).
//  3. A row that lies as normal rows do is opened.
//
// If a disk goes away meanwhile, the moves wait and the row stays sealed; what it
// has can be read and is repaired like the rest. Each return of a zone may so add
// as many rows as there are fallback rows; they share the load of the others.
func (p *Planner) rehome(ctx context.Context, topo *placement.Topology) error {
	view := p.client.view
	if err := p.release(ctx, view); err != nil {
		return err
	}
	var rows []placement.PG
	for _, pg := range view.PGs() {
		if pg.ComesHome() {
			rows = append(rows, *pg)
		}
	}
	if len(rows) == 0 {
		return nil
	}
	plan, err := placement.Rehome(topo, view.Policies(), rows)
	if err != nil {
		return err
	}
	first := firstMoves(plan.Moves)
	if err := p.open(ctx, rows, first); err != nil {
		return err
	}
	return p.begin(ctx, view, first[:min(len(first), p.room(topo))])
}

// respread moves shards that repairs had to put where the row survives less, once
// there is a better place again: what a zone held is rebuilt in the others when it
// stays away, and must go back when it returns. It rests until the map changes.
func (p *Planner) respread(ctx context.Context, topo *placement.Topology) error {
	view := p.client.view
	epoch, _ := view.Epoch()
	if epoch == p.calm {
		return nil
	}
	var rows []placement.PG
	for _, pg := range view.PGs() {
		if !pg.ComesHome() {
			rows = append(rows, *pg)
		}
	}
	plan, err := placement.Spread(topo, view.Policies(), rows)
	if err != nil {
		return err
	}
	if len(plan.Moves) == 0 {
		p.calm = epoch
		return nil
	}
	first := firstMoves(plan.Moves)
	return p.begin(ctx, view, first[:min(len(first), p.room(topo))])
}

// whole reports whether every disk that should take shards does. A node that is
// suspect does not: what writers take to fallback groups while it is would
// otherwise be brought home, to it, as fast as they write.
func (p *Planner) whole() bool {
	for _, d := range p.client.view.Disks() {
		state, _ := p.client.live.Node(placement.NodeID(d.Node))
		if placement.AdminState(d.Admin) == placement.DiskIn && (state != Up || p.noTarget(placement.DiskID(d.Id))) {
			return false
		}
	}
	return true
}

// release makes fallback rows that have data normal ones.
func (p *Planner) release(ctx context.Context, view *View) error {
	used, pgs := p.server.beats.usedFallbacks(), view.PGs()
	for _, pg := range pgs {
		if pg.Class != placement.PGFallback || pg.State != placement.StateOpen || !used[pg.ID] {
			continue
		}
		home, next := pg.Released(lastPG(view) + 1)
		p.log.Info("fallback group comes home", "pg", pg.ID, "replaced_by", next.ID)
		if err := p.client.setPGs(ctx, &home, &next); err != nil && !store.Is(err, store.KindConflict) {
			return err
		}
	}
	return nil
}

func lastPG(view *View) placement.PGID {
	pgs := view.PGs()
	return pgs[len(pgs)-1].ID
}

// firstMoves keeps the first move of each row: the others wait for it.
func firstMoves(moves []placement.Move) (first []placement.Move) {
	seen := map[placement.PGID]bool{}
	for _, m := range moves {
		if !seen[m.PG] {
			first = append(first, m)
		}
		seen[m.PG] = true
	}
	return first
}

// open opens the rows that neither move nor have to.
func (p *Planner) open(ctx context.Context, rows []placement.PG, moves []placement.Move) error {
	waits := map[placement.PGID]bool{}
	for _, m := range moves {
		waits[m.PG] = true
	}
	for i := range rows {
		if waits[rows[i].ID] || rows[i].Moving() > 0 {
			continue
		}
		next := rows[i].Opened()
		p.log.Info("placement group is home", "pg", next.ID)
		if err := p.client.SetPG(ctx, &next); err != nil && !store.Is(err, store.KindConflict) {
			return err
		}
	}
	return nil
}
