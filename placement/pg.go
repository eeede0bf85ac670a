package placement

import (
	"slices"

	"cairn/store"
)

// PG is a placement group: the row that says where shard i of its blobs is.
type PG struct {
	ID      PGID
	Policy  PolicyID
	State   State
	Class   PGClass
	Gen     uint32   // raised by every change of the row; changes are compare-and-swap on it
	Holders []DiskID // shard i is written to Holders[i]
	Prev    []DiskID // nil, or Prev[i] is the disk shard i is leaving, 0 for none
}

// Move changes one slot of a placement group.
type Move struct {
	PG   PGID
	Slot int
	From DiskID
	To   DiskID
	Why  Reason
}

// Reason says what a move is for.
type Reason uint8

// The reasons, in order of urgency.
const (
	WhyRepair  Reason = 0 // the shard is lost
	WhyDrain   Reason = 1 // its disk is draining
	WhySpread  Reason = 2 // another place makes the group survive more
	WhyBalance Reason = 3 // its disk is fuller than others
)

// String returns the reason in a word.
func (r Reason) String() string { return word(int(r), "repair", "drain", "spread", "balance") }

// PrevOf returns the disk that shard i is leaving, 0 for none.
func (p *PG) PrevOf(i int) DiskID {
	if p.Prev == nil {
		return 0
	}
	return p.Prev[i]
}

// Moving returns the number of slots that are not yet complete at their holder.
func (p *PG) Moving() int {
	n := 0
	for _, d := range p.Prev {
		if d != 0 {
			n++
		}
	}
	return n
}

// Has reports whether the disk holds or still holds shards of the group.
func (p *PG) Has(d DiskID) bool {
	return d != 0 && (slices.Contains(p.Holders, d) || slices.Contains(p.Prev, d))
}

// Begin returns the row with the next generation in which m.To takes over the
// slot; p is unchanged. A slot that is already moving gets a new target and
// keeps its Prev. Errors: [store.KindConflict] if the slot is not at m.From any
// more, [store.KindInvalid] if m.To already has a shard of the group.
func (p *PG) Begin(m Move) (PG, error) {
	const op = "begin move"
	switch {
	case m.PG != p.ID || m.Slot < 0 || m.Slot >= len(p.Holders) || m.To == 0 || p.Has(m.To):
		return PG{}, store.Errorf(store.KindInvalid, op, "slot %d of group %d to disk %d", m.Slot, p.ID, m.To)
	case p.Holders[m.Slot] != m.From:
		return PG{}, store.Errorf(store.KindConflict, op, "slot %d of group %d is at disk %d, not %d",
			m.Slot, p.ID, p.Holders[m.Slot], m.From)
	}
	next := p.clone()
	if next.Prev == nil {
		next.Prev = make([]DiskID, len(p.Holders))
	}
	if next.Prev[m.Slot] == 0 {
		next.Prev[m.Slot] = m.From
	}
	next.Holders[m.Slot] = m.To
	next.Gen++
	return next, nil
}

// Done returns the row with the next generation in which slot is complete at
// its holder; p is unchanged. The error is [store.KindConflict] if the slot is
// not moving or to is not its holder any more.
func (p *PG) Done(slot int, to DiskID) (PG, error) {
	if slot < 0 || slot >= len(p.Holders) || p.PrevOf(slot) == 0 || p.Holders[slot] != to {
		return PG{}, store.Errorf(store.KindConflict, "finish move", "slot %d of group %d is not moving to disk %d", slot, p.ID, to)
	}
	next := p.clone()
	next.Prev[slot] = 0
	if !anyDisk(next.Prev) {
		next.Prev = nil
	}
	next.Gen++
	return next, nil
}

func (p *PG) clone() PG {
	next := *p
	next.Holders = slices.Clone(p.Holders)
	next.Prev = slices.Clone(p.Prev)
	return next
}

func anyDisk(disks []DiskID) bool {
	return slices.ContainsFunc(disks, func(d DiskID) bool { return d != 0 })
}
