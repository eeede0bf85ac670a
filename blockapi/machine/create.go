package machine

import "cairn/store"

// CreateVolume makes a volume: an empty one, or a clone that shares its
// source's pages and is readable at once.
type CreateVolume struct {
	Token string // makes the command repeatable; may be empty
	Attributes
	// Snapshot is the source, of this family and completed.
	Snapshot SnapshotID
	// Head, if Snapshot is zero and it is not, is the volume whose present state
	// is the source. Epoch must be its epoch, and its journal must hold nothing
	// beyond LSN that the clone should have: LSN must be its flushed LSN.
	Head  Branch
	Epoch uint64
	LSN   LSN
}

func (x *CreateVolume) wire(c *coder) {
	c.str(&x.Token, maxText)
	x.Attributes.wire(c)
	num32(c, &x.Snapshot)
	num32(c, &x.Head)
	c.u64(&x.Epoch)
	c.lsn(&x.LSN)
}

func (x *CreateVolume) token() string { return x.Token }

func (x *CreateVolume) request() wirer {
	r := *x
	r.Epoch, r.LSN, r.Encryption.Wrapped = 0, 0, nil
	return &r
}

// Created names what a command made.
type Created struct {
	Branch   Branch
	Snapshot SnapshotID
}

func (r *Created) wire(c *coder) {
	num32(c, &r.Branch)
	num32(c, &r.Snapshot)
}

// source is what a clone begins with.
type source struct {
	layer
	size       uint32
	mapped     uint64
	encryption *Encryption
}

func (x *CreateVolume) apply(c *change) (wirer, error) {
	if old, err := c.repeated(); err != nil || old != nil {
		if err != nil {
			return nil, err
		}
		return &Created{Branch: old.branch}, nil
	}
	if err := checkTags(x.Tags); err != nil {
		return nil, err
	}
	src, err := x.source(c)
	if err != nil {
		return nil, err
	}
	if x.Size == 0 && src != nil {
		x.Size = src.size
	}
	if err := x.complete(); err != nil {
		return nil, err
	}
	b, err := c.newBranch(VolumeActive, &x.Attributes, src, x.Snapshot)
	if err != nil {
		return nil, err
	}
	c.remember(b, 0)
	return &Created{Branch: b}, nil
}

// source returns what the volume begins with, nil for nothing.
func (x *CreateVolume) source(c *change) (*source, error) {
	switch {
	case x.Snapshot != 0:
		return c.snapshotSource(x.Snapshot)
	case x.Head == 0:
		return nil, nil
	}
	return c.headSource(x.Head, x.Epoch, x.LSN)
}

// headSource makes the present state of a volume a source: later flushes go to
// a new seq.
func (c *change) headSource(b Branch, epoch uint64, lsn LSN) (*source, error) {
	r, vol, err := c.activeVolume(b)
	switch {
	case err != nil:
		return nil, err
	case r.epoch != epoch:
		return nil, staleEpoch(b, r, epoch)
	case r.flushed != lsn || len(r.pending) > 0:
		return nil, refuse(store.KindConflict, ReasonUnflushed, "flush the journal first", "%v LSN %d, flushed is %d", b, lsn, r.flushed)
	}
	if err := c.checkClean(b, r); err != nil {
		return nil, err
	}
	src := &source{layer{b, r.seq}, vol.Size, r.mapped, &vol.Encryption}
	r.seq++
	c.putBranch(b, r)
	return src, nil
}

// newBranch makes a branch with the given attributes. The point that a clone
// begins at is pinned until the clone is flattened or gone.
func (c *change) newBranch(state VolumeState, a *Attributes, src *source, from SnapshotID) (Branch, error) {
	f, err := c.family()
	if err != nil {
		return 0, err
	}
	f.lastBranch++
	b := f.lastBranch
	r := &branchRec{state: state, seq: 1}
	vol := &volumeRec{Attributes: *a, created: c.at, source: from, token: c.token}
	if src != nil {
		if err := c.checkSource(a, src); err != nil {
			return 0, err
		}
		if err := c.pin(src.branch, src.seq); err != nil {
			return 0, err
		}
		r.parent, r.parentSeq, r.mapped = src.branch, src.seq, src.mapped
	}
	c.putBranch(b, r)
	c.putVolume(b, vol)
	return b, nil
}

func (c *change) checkSource(a *Attributes, src *source) error {
	if a.Size < src.size {
		return refuse(store.KindInvalid, ReasonSize, "at least the size of the source", "%d GiB from %d", a.Size, src.size)
	}
	if a.Encryption.On() != src.encryption.On() {
		return refuse(store.KindInvalid, ReasonEncryption, "a clone shares its source's data key; copy the data to change it", "%v", src.branch)
	}
	ls, err := c.lineage(src.branch, src.seq)
	if err == nil && len(ls) >= MaxDepth {
		err = refuse(store.KindConflict, ReasonDepth, "flatten the source first", "%v", src.branch)
	}
	return err
}
