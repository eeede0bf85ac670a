package placement

// Forecast is the answer to "what if the topology were t".
type Forecast struct {
	Refused  error // why [NewPlan] would refuse it unless forced; nil if it would not
	Plan     *Plan // nil if no placement exists
	Policies []PolicyForecast
	Fullest  float64 // share of its capacity that the fullest disk would use, if Options.SlotBytes was given
}

// PolicyForecast compares a policy before and after.
type PolicyForecast struct {
	Policy        PolicyID
	Before, After Margin  // what its rows survive when all moves are done
	Usable        float64 // share of the raw capacity it can use afterwards
}

// WhatIf forecasts a change of the topology from old to t: what would move, what
// the policies that have rows would survive, and whether it would be refused.
// Errors are those of an inconsistent question, not of a bad idea.
func WhatIf(old, t *Topology, policies []Policy, rows []PG, opt Options) (*Forecast, error) {
	if _, err := groupRows(t, policies, rows); err != nil {
		return nil, err
	}
	f := &Forecast{}
	// A refused change is planned all the same, by force: who asks wants to know
	// what it would cost as well as why not.
	strict, force := opt, opt
	strict.Force, force.Force = false, true
	plan, after, err := newPlan(old, t, policies, rows, strict)
	if err != nil {
		f.Refused = err
		plan, after, _ = newPlan(old, t, policies, rows, force)
	}
	if f.Plan = plan; plan == nil {
		return f, nil
	}
	for i, b := range after {
		f.Fullest = max(f.Fullest, float64(b)/float64(t.disks[i].Capacity))
	}
	// Capacity follows from where the slots are in the end, not from the topology.
	planned := applied(rows, plan.Moves)
	for _, p := range policies {
		before, errBefore := Promise(old, p)
		now, errNow := Promise(t, p)
		if errBefore == nil && errNow == nil {
			f.Policies = append(f.Policies, PolicyForecast{Policy: p.ID, Before: before, After: now, Usable: Usable(t, p.ID, planned)})
		}
	}
	return f, nil
}

// applied returns copies of the rows with all moves done.
func applied(rows []PG, moves []Move) []PG {
	out := make([]PG, len(rows))
	at := make(map[PGID]int, len(rows))
	for i := range rows {
		out[i] = rows[i].clone()
		at[rows[i].ID] = i
	}
	for _, m := range moves {
		out[at[m.PG]].Holders[m.Slot] = m.To
	}
	return out
}
