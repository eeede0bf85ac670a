package machine

import (
	"unicode/utf8"

	"cairn/store"
)

// SnapshotState is where a snapshot is in its life. Numbers are stored.
type SnapshotState uint8

// The states.
const (
	// SnapshotPending: its moment is fixed, but the rows do not show it yet: the
	// journal up to LSN is to be flushed, or blocks are put into it.
	SnapshotPending     SnapshotState = 0
	SnapshotCompleted   SnapshotState = 1
	SnapshotRecoverable SnapshotState = 2 // in the recycle bin
)

// Snapshot is a volume at a moment.
//
// Format 1: u8 format | u32 branch | u32 seq | u64 LSN | u8 state | u64 started
// ms | u64 completed ms | u32 size GiB | u64 mapped pages | description | owner |
// tags | u32 source | encryption | u8 public | users | lock | tier | u64 kept in
// the recycle bin until | 16 B token.
type Snapshot struct {
	ID          SnapshotID
	Branch      Branch
	Seq         Seq // 0 while pending
	LSN         LSN // what is flushed before it is completed
	State       SnapshotState
	Started     store.Time
	Completed   store.Time
	Size        uint32 // of the volume, GiB
	Mapped      uint64 // pages that are not zeroes
	Description string
	Owner       string
	Tags        []Tag
	Source      SnapshotID // what it was copied from, or its parent
	Encryption  Encryption
	Public      bool
	Users       []string // who may make volumes of it, ascending
	Lock        Lock
	Tier        Tier
	Until       store.Time // how long the recycle bin keeps it
	token       tokenHash
}

func (s *Snapshot) wire(c *coder) {
	num32(c, &s.Branch)
	num32(c, &s.Seq)
	c.lsn(&s.LSN)
	enum(c, &s.State, SnapshotRecoverable)
	c.time(&s.Started)
	c.time(&s.Completed)
	c.u32(&s.Size)
	c.u64(&s.Mapped)
	c.str(&s.Description, maxText)
	c.str(&s.Owner, maxName)
	c.tags(&s.Tags)
	num32(c, &s.Source)
	s.Encryption.wire(c)
	c.bool(&s.Public)
	list(c, &s.Users, MaxShares, func(u *string) { c.str(u, maxName) })
	s.Lock.wire(c)
	s.Tier.wire(c)
	c.time(&s.Until)
	s.token.wire(c)
}

// FullSize returns the size of all its data, in bytes.
func (s *Snapshot) FullSize() int64 { return int64(s.Mapped) * PageSize }

// snapshot reads a snapshot.
func (v view) snapshot(id SnapshotID) (*Snapshot, error) {
	s, err := load[Snapshot](v, colSnapshot, id.suffix(), "snapshot row")
	if err != nil {
		return nil, err
	}
	if s == nil {
		return nil, refuse(store.KindNotFound, ReasonSnapshot, "", "%v", id)
	}
	s.ID = id
	return s, nil
}

// completed reads a snapshot whose data can be read.
func (v view) completed(id SnapshotID) (*Snapshot, error) {
	s, err := v.snapshot(id)
	switch {
	case err != nil:
		return nil, err
	case s.State != SnapshotCompleted:
		return nil, refuse(store.KindConflict, ReasonState, "it is pending or in the recycle bin", "%v", id)
	case !s.Tier.Readable():
		return nil, refuse(store.KindConflict, ReasonArchived, "restore it first", "%v", id)
	}
	return s, nil
}

func (c *change) putSnapshot(s *Snapshot) { c.put(colSnapshot, s.ID.suffix(), s) }

// snapshotSource makes a completed snapshot the beginning of a clone.
func (c *change) snapshotSource(id SnapshotID) (*source, error) {
	s, err := c.completed(id)
	if err != nil {
		return nil, err
	}
	return &source{layer{s.Branch, s.Seq}, s.Size, s.Mapped, &s.Encryption}, nil
}

// SnapshotAttributes is what the creator of a snapshot says of it.
type SnapshotAttributes struct {
	Description string
	Owner       string
	Tags        []Tag
}

func (a *SnapshotAttributes) wire(c *coder) {
	c.str(&a.Description, maxText)
	c.str(&a.Owner, maxName)
	c.tags(&a.Tags)
}

func (a *SnapshotAttributes) check() error {
	if utf8.RuneCountInString(a.Description) > MaxDescription {
		return refuse(store.KindTooLarge, ReasonLimit, "a description has at most 255 characters", "description")
	}
	return checkTags(a.Tags)
}

// newSnapshot numbers a snapshot of a branch, whose record the caller stores.
func (c *change) newSnapshot(b Branch, r *branchRec, a *SnapshotAttributes) (*Snapshot, error) {
	if err := a.check(); err != nil {
		return nil, err
	}
	if r.snapshots >= MaxSnapshots {
		return nil, refuse(store.KindTooLarge, ReasonLimit, "at most 10,000 snapshots", "%v", b)
	}
	f, err := c.family()
	if err != nil {
		return nil, err
	}
	f.lastSnapshot++
	r.snapshots++
	s := &Snapshot{
		ID: f.lastSnapshot, Branch: b, Started: c.at, Description: a.Description, Owner: a.Owner, Tags: a.Tags, token: c.token,
	}
	c.remember(b, s.ID)
	return s, nil
}

// complete fixes s at the branch's present seq, which moves on.
func (c *change) complete(s *Snapshot, r *branchRec) error {
	s.State, s.Seq, s.Completed, s.Mapped = SnapshotCompleted, r.seq, c.at, r.mapped
	r.seq++
	c.putSnapshot(s)
	return c.pin(s.Branch, s.Seq)
}

// completeFlushed completes the pending snapshots that the flushed LSN has
// reached.
func (c *change) completeFlushed(b Branch, r *branchRec) error {
	for len(r.pending) > 0 && r.pending[0].lsn <= r.flushed {
		s, err := c.snapshot(r.pending[0].snapshot)
		if err != nil {
			return err
		}
		r.pending = r.pending[1:]
		if err := c.complete(s, r); err != nil {
			return err
		}
	}
	return nil
}
