package placement

// Released returns the two rows that take the place of a fallback row that took
// data while a zone or node was away. home is the row itself, with the next
// generation: a normal row, sealed until it lies as normal rows do, because in
// fewer zones many of its writes could not be acknowledged at the level of its
// class. next is an empty fallback row numbered id on the same disks. p is
// unchanged.
func (p *PG) Released(id PGID) (home, next PG) {
	home, next = p.clone(), p.clone()
	home.Class, home.State = PGNormal, StateSealed
	home.Gen++
	next.ID, next.Gen, next.Prev = id, 1, nil
	return home, next
}

// ComesHome reports whether the row was released and is not open yet.
func (p *PG) ComesHome() bool { return p.Class == PGNormal && p.State == StateSealed }

// Opened returns the row with the next generation, open for new blobs; p is
// unchanged.
func (p *PG) Opened() PG {
	next := p.clone()
	next.State = StateOpen
	next.Gen++
	return next
}

// Rehome returns the moves that spread rows as the normal rows of their policy
// are. A row that is moving gets none, nor does one that lies well already:
// that one may be opened.
func Rehome(t *Topology, policies []Policy, rows []PG) (*Plan, error) {
	normal := make([]PG, len(rows))
	for i := range rows {
		normal[i] = rows[i]
		normal[i].Class = PGNormal
	}
	groups, err := groupRows(t, policies, normal)
	if err != nil {
		return nil, err
	}
	plan := &Plan{}
	for _, g := range groups {
		g.evacuate(plan)
		g.spread(plan)
	}
	plan.Ideal = len(plan.Moves)
	return plan, nil
}
