package machine

import "cairn/store"

// CreateSnapshot takes a snapshot of a volume as of an LSN of its journal. It
// costs the same however large the volume is: nothing is copied.
//
// If the journal up to LSN is not flushed, the snapshot is pending, and the
// flush that reaches LSN completes it. The journal up to LSN must be durable.
type CreateSnapshot struct {
	Token  string
	Branch Branch
	Epoch  uint64 // the volume's
	LSN    LSN    // the last write that is in it; at least those of others pending
	SnapshotAttributes
}

func (x *CreateSnapshot) wire(c *coder) {
	c.str(&x.Token, maxText)
	num32(c, &x.Branch)
	c.u64(&x.Epoch)
	c.lsn(&x.LSN)
	x.SnapshotAttributes.wire(c)
}

func (x *CreateSnapshot) token() string { return x.Token }

func (x *CreateSnapshot) request() wirer {
	r := *x
	r.Epoch, r.LSN = 0, 0
	return &r
}

func (x *CreateSnapshot) apply(c *change) (wirer, error) {
	if old, err := c.repeated(); err != nil || old != nil {
		return old.created(), err
	}
	r, vol, err := c.activeVolume(x.Branch)
	if err != nil {
		return nil, err
	}
	if err := x.check(c, r); err != nil {
		return nil, err
	}
	s, err := c.newSnapshot(x.Branch, r, &x.SnapshotAttributes)
	if err != nil {
		return nil, err
	}
	s.LSN, s.Size, s.Encryption = x.LSN, vol.Size, vol.Encryption
	c.putSnapshot(s)
	r.pending = append(r.pending, pending{s.ID, x.LSN})
	if err := c.completeFlushed(x.Branch, r); err != nil {
		return nil, err
	}
	c.putBranch(x.Branch, r)
	return &Created{x.Branch, s.ID}, nil
}

func (x *CreateSnapshot) check(c *change, r *branchRec) error {
	last := r.flushed
	if n := len(r.pending); n > 0 {
		last = r.pending[n-1].lsn
	}
	switch {
	case r.epoch != x.Epoch:
		return staleEpoch(x.Branch, r, x.Epoch)
	case x.LSN < last || r.owner == "" && x.LSN > r.flushed:
		return refuse(store.KindPrecondition, ReasonGap, "", "%v LSN %d, the last is %d", x.Branch, x.LSN, last)
	case len(r.pending) >= MaxPending:
		return refuse(store.KindTooLarge, ReasonLimit, "flush the journal first", "%v pending snapshots", x.Branch)
	}
	return c.checkClean(x.Branch, r)
}

// created is the reply of a command that was repeated.
func (r *tokenRec) created() wirer {
	if r == nil {
		return nil
	}
	return &Created{r.branch, r.snapshot}
}

// CopySnapshot makes another snapshot of the same moment, which shares the
// pages. Its data key is the source's; another key may wrap it.
type CopySnapshot struct {
	Token  string
	Source SnapshotID
	// Encryption, if it is on, says how the data key is wrapped now.
	Encryption Encryption
	SnapshotAttributes
}

func (x *CopySnapshot) wire(c *coder) {
	c.str(&x.Token, maxText)
	num32(c, &x.Source)
	x.Encryption.wire(c)
	x.SnapshotAttributes.wire(c)
}

func (x *CopySnapshot) token() string { return x.Token }

func (x *CopySnapshot) request() wirer {
	r := *x
	r.Encryption.Wrapped = nil
	return &r
}

func (x *CopySnapshot) apply(c *change) (wirer, error) {
	if old, err := c.repeated(); err != nil || old != nil {
		return old.created(), err
	}
	src, err := c.completed(x.Source)
	if err != nil {
		return nil, err
	}
	if x.Encryption.On() && !src.Encryption.On() {
		return nil, refuse(store.KindInvalid, ReasonEncryption, "encrypting it takes a copy of the data", "%v", x.Source)
	}
	r, err := c.branch(src.Branch)
	if err != nil {
		return nil, err
	}
	s, err := c.newSnapshot(src.Branch, r, &x.SnapshotAttributes)
	if err != nil {
		return nil, err
	}
	s.State, s.Seq, s.Completed, s.Size, s.Mapped = SnapshotCompleted, src.Seq, c.at, src.Size, src.Mapped
	s.Source, s.Encryption = x.Source, src.Encryption
	if x.Encryption.On() {
		s.Encryption = x.Encryption
	}
	c.putSnapshot(s)
	c.putBranch(src.Branch, r)
	if err := c.pin(s.Branch, s.Seq); err != nil {
		return nil, err
	}
	return &Created{src.Branch, s.ID}, nil
}
