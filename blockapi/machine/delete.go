package machine

import (
	"slices"

	"cairn/store"
)

// MaxRetain is the longest stay in the recycle bin, in days.
const MaxRetain = 3650

// DeleteVolume ends a volume that is not attached; its snapshots and clones
// stay. Its data goes with Sweep, or it stays in the recycle bin for a while.
type DeleteVolume struct {
	Branch Branch
	Retain uint32 // days in the recycle bin
}

func (x *DeleteVolume) wire(c *coder) {
	num32(c, &x.Branch)
	c.u32(&x.Retain)
}

func (x *DeleteVolume) apply(c *change) (wirer, error) {
	r, vol, err := c.activeVolume(x.Branch)
	switch {
	case err != nil:
		return nil, err
	case x.Retain > MaxRetain:
		return nil, refuse(store.KindInvalid, ReasonRetained, "at most 3,650 days", "%v", x.Branch)
	case len(vol.attachments) > 0:
		return nil, refuse(store.KindConflict, ReasonInUse, "detach it first", "%v", x.Branch)
	case r.owner != "" && c.at < r.lease:
		return nil, refuse(store.KindConflict, ReasonOwned, "its owner must release it first", "%v", x.Branch)
	case len(r.pending) > 0:
		return nil, refuse(store.KindConflict, ReasonUnflushed, "a snapshot waits for its journal", "%v", x.Branch)
	}
	r.epoch++
	r.owner, r.lease = "", 0
	if x.Retain > 0 {
		r.state, vol.until = VolumeRecoverable, c.at+store.Time(x.Retain)*day
		c.putBranch(x.Branch, r)
		c.putVolume(x.Branch, vol)
		return nil, nil
	}
	return nil, c.dropHead(x.Branch, r, vol)
}

// dropHead ends what is behind the last point of a branch.
func (c *change) dropHead(b Branch, r *branchRec, vol *volumeRec) error {
	r.state, r.mapped = VolumeDeleted, 0
	c.putBranch(b, r)
	c.delete(colVolume, b.suffix())
	c.forget(vol.token)
	if err := c.dropSegments(b); err != nil {
		return err
	}
	return c.sweepBehind(b, r.seq)
}

// DeleteSnapshot ends a snapshot. What only it named goes with Sweep, or it
// stays in the recycle bin for a while, where it is shared with nobody.
type DeleteSnapshot struct {
	Snapshot SnapshotID
	Retain   uint32 // days in the recycle bin
}

func (x *DeleteSnapshot) wire(c *coder) {
	num32(c, &x.Snapshot)
	c.u32(&x.Retain)
}

func (x *DeleteSnapshot) apply(c *change) (wirer, error) {
	s, err := c.snapshot(x.Snapshot)
	switch {
	case err != nil:
		return nil, err
	case x.Retain > MaxRetain:
		return nil, refuse(store.KindInvalid, ReasonRetained, "at most 3,650 days", "%v", x.Snapshot)
	case s.State == SnapshotRecoverable:
		return nil, refuse(store.KindConflict, ReasonRetained, "it is in the recycle bin", "%v", x.Snapshot)
	case s.Lock.Holds(c.at):
		return nil, refuse(store.KindConflict, ReasonLocked, "unlock it, or wait for the lock's end", "%v", x.Snapshot)
	}
	if x.Retain > 0 && s.State == SnapshotCompleted {
		s.State, s.Until = SnapshotRecoverable, c.at+store.Time(x.Retain)*day
		s.Public, s.Users = false, nil
		c.putSnapshot(s)
		return nil, nil
	}
	return nil, c.dropSnapshot(s)
}

// dropSnapshot deletes the row and what it holds.
func (c *change) dropSnapshot(s *Snapshot) error {
	r, err := c.branch(s.Branch)
	if err != nil {
		return err
	}
	c.delete(colSnapshot, s.ID.suffix())
	c.forget(s.token)
	r.snapshots--
	switch {
	case s.State != SnapshotPending:
		c.putBranch(s.Branch, r)
		return c.unpin(s.Branch, s.Seq)
	case r.state == VolumeFilling:
		vol, err := c.volume(s.Branch)
		if err != nil {
			return err
		}
		return c.dropHead(s.Branch, r, vol)
	}
	r.pending = slices.DeleteFunc(r.pending, func(p pending) bool { return p.snapshot == s.ID })
	c.putBranch(s.Branch, r)
	return nil
}

// Restore takes a volume or a snapshot out of the recycle bin.
type Restore struct {
	Branch   Branch
	Snapshot SnapshotID // if Branch is 0
}

func (x *Restore) wire(c *coder) {
	num32(c, &x.Branch)
	num32(c, &x.Snapshot)
}

func (x *Restore) apply(c *change) (wirer, error) {
	r, vol, s, err := c.recoverable(x.Branch, x.Snapshot)
	switch {
	case err != nil:
		return nil, err
	case s != nil:
		s.State, s.Until = SnapshotCompleted, 0
		c.putSnapshot(s)
		return nil, nil
	}
	r.state, vol.until = VolumeActive, 0
	c.putBranch(x.Branch, r)
	c.putVolume(x.Branch, vol)
	return nil, nil
}

// recoverable reads a volume, or a snapshot, that is in the recycle bin.
func (v view) recoverable(b Branch, id SnapshotID) (r *branchRec, vol *volumeRec, s *Snapshot, err error) {
	if b == 0 {
		s, err = v.snapshot(id)
		if err == nil && s.State != SnapshotRecoverable {
			err = refuse(store.KindConflict, ReasonState, "it is not in the recycle bin", "%v", id)
		}
		return nil, nil, s, err
	}
	if r, err = v.head(b); err != nil {
		return nil, nil, nil, err
	}
	if r.state != VolumeRecoverable {
		return nil, nil, nil, refuse(store.KindConflict, ReasonState, "it is not in the recycle bin", "%v", b)
	}
	vol, err = v.volume(b)
	return r, vol, nil, err
}

// Purge ends a volume or a snapshot that was in the recycle bin for its time.
type Purge struct {
	Branch   Branch
	Snapshot SnapshotID // if Branch is 0
}

func (x *Purge) wire(c *coder) {
	num32(c, &x.Branch)
	num32(c, &x.Snapshot)
}

func (x *Purge) apply(c *change) (wirer, error) {
	r, vol, s, err := c.recoverable(x.Branch, x.Snapshot)
	if err != nil {
		return nil, err
	}
	until := store.Time(0)
	if s != nil {
		until = s.Until
	} else {
		until = vol.until
	}
	switch {
	case c.at < until:
		return nil, refuse(store.KindConflict, ReasonRetained, "it is kept until "+until.Std().String(), "volume %d, snapshot %d", x.Branch, x.Snapshot)
	case s != nil:
		return nil, c.dropSnapshot(s)
	}
	return nil, c.dropHead(x.Branch, r, vol)
}
