package machine

import "cairn/store"

// TierStatus is the last step of a snapshot between the tiers. Numbers are
// stored.
type TierStatus uint8

// The steps, as the EC2 API names them.
const (
	TierNone            TierStatus = 0
	ArchivalInProgress  TierStatus = 1
	ArchivalCompleted   TierStatus = 2
	ArchivalFailed      TierStatus = 3
	TemporaryInProgress TierStatus = 4
	TemporaryCompleted  TierStatus = 5
	TemporaryFailed     TierStatus = 6
	PermanentInProgress TierStatus = 7
	PermanentCompleted  TierStatus = 8
	PermanentFailed     TierStatus = 9
	maxTemporaryDays               = 180
)

// Tier is where a snapshot's data is kept.
type Tier struct {
	Status   TierStatus
	Since    store.Time // of the status
	Archived store.Time // when it was archived last
	Days     uint32     // of a temporary restore
	Until    store.Time // when a temporary restore ends; 0: none
}

func (t *Tier) wire(c *coder) {
	enum(c, &t.Status, PermanentFailed)
	if t.Status == TierNone {
		return
	}
	c.time(&t.Since)
	c.time(&t.Archived)
	c.u32(&t.Days)
	c.time(&t.Until)
}

// Standard reports whether the snapshot is in the standard tier.
func (t *Tier) Standard() bool {
	switch t.Status {
	case TierNone, ArchivalInProgress, ArchivalFailed, PermanentCompleted:
		return true
	}
	return false
}

// Readable reports whether volumes and copies can be made of the snapshot: it
// is in the standard tier, or restored from the archive for a while.
func (t *Tier) Readable() bool { return t.Standard() || t.Status == TemporaryCompleted }

// tierSteps are the steps that may follow each.
var tierSteps = [...][]TierStatus{
	TierNone:            {ArchivalInProgress},
	ArchivalInProgress:  {ArchivalCompleted, ArchivalFailed},
	ArchivalCompleted:   {TemporaryInProgress, PermanentInProgress},
	ArchivalFailed:      {ArchivalInProgress},
	TemporaryInProgress: {TemporaryCompleted, TemporaryFailed},
	TemporaryCompleted:  {TemporaryCompleted, PermanentInProgress, ArchivalCompleted},
	TemporaryFailed:     {TemporaryInProgress, PermanentInProgress},
	PermanentInProgress: {PermanentCompleted, PermanentFailed},
	PermanentCompleted:  {ArchivalInProgress},
	PermanentFailed:     {TemporaryInProgress, PermanentInProgress},
}

// SetTier takes a snapshot a step further between the tiers. The steps that end
// in "in progress" are asked for by users, the others are reported by whoever
// moves the data. From TemporaryCompleted, the same again changes the number of
// days, and ArchivalCompleted ends a restore whose time is over.
type SetTier struct {
	Snapshot SnapshotID
	Status   TierStatus
	Days     uint32 // of TemporaryInProgress, or TemporaryCompleted again
}

func (x *SetTier) wire(c *coder) {
	num32(c, &x.Snapshot)
	enum(c, &x.Status, PermanentFailed)
	c.u32(&x.Days)
}

func (x *SetTier) apply(c *change) (wirer, error) {
	s, err := c.snapshot(x.Snapshot)
	if err != nil {
		return nil, err
	}
	old := s.Tier
	allowed := false
	for _, next := range tierSteps[old.Status] {
		allowed = allowed || next == x.Status
	}
	daysAsked := x.Status == TemporaryInProgress || x.Status == TemporaryCompleted && old.Status == TemporaryCompleted
	switch {
	case !allowed || s.State != SnapshotCompleted:
		return nil, refuse(store.KindConflict, ReasonState, "", "%v from tier status %d to %d", x.Snapshot, old.Status, x.Status)
	case daysAsked && (x.Days < 1 || x.Days > maxTemporaryDays):
		return nil, refuse(store.KindInvalid, ReasonArchived, "a temporary restore has 1 to 180 days", "%v", x.Snapshot)
	case old.Status == TemporaryCompleted && x.Status == ArchivalCompleted && c.at < old.Until:
		return nil, refuse(store.KindConflict, ReasonRetained, "the restore has not ended", "%v", x.Snapshot)
	}
	s.Tier.step(x, c.at)
	c.putSnapshot(s)
	return s, nil
}

func (t *Tier) step(x *SetTier, at store.Time) {
	was := t.Status
	t.Status, t.Since = x.Status, at
	switch {
	case x.Status == ArchivalCompleted && was == ArchivalInProgress:
		t.Archived = at
	case x.Status == TemporaryInProgress:
		t.Days = x.Days
	case x.Status == TemporaryCompleted:
		if was == TemporaryCompleted {
			t.Days = x.Days
		}
		t.Until = at + store.Time(t.Days)*day
	}
	if x.Status != TemporaryCompleted {
		t.Until = 0
	}
}
