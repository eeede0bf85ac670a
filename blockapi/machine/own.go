package machine

import "cairn/store"

// Claim makes a gateway the owner of a volume, with an epoch of its own. The
// journal's holders are then told that epoch, so that what the old owner still
// sends is refused everywhere (invariant 13).
type Claim struct {
	Branch Branch
	Owner  string // a gateway's process, not only its node
	Epoch  uint64 // the volume's, as it was read before
	Lease  uint32 // how long the claim stands at least, in milliseconds
	// Force claims the volume although another owner's lease has not ended.
	Force bool
}

func (x *Claim) wire(c *coder) {
	num32(c, &x.Branch)
	c.str(&x.Owner, maxName)
	c.u64(&x.Epoch)
	c.u32(&x.Lease)
	c.bool(&x.Force)
}

// apply compares and swaps the epoch. The lease only keeps gateways from taking
// a volume from each other: an owner whose lease has ended serves on until
// somebody else claims the volume, as it must while Raft has no leader.
func (x *Claim) apply(c *change) (wirer, error) {
	r, vol, err := c.activeVolume(x.Branch)
	switch {
	case err != nil:
		return nil, err
	case x.Owner == "" || x.Lease > MaxLease:
		return nil, refuse(store.KindInvalid, ReasonOwner, "name an owner, with a lease of at most ten minutes", "%v", x.Branch)
	case r.epoch != x.Epoch:
		return nil, staleEpoch(x.Branch, r, x.Epoch)
	case r.owner != "" && r.owner != x.Owner && c.at < r.lease && !x.Force:
		return nil, refuse(store.KindConflict, ReasonOwned, "ask "+r.owner+", or wait for its lease", "%v", x.Branch)
	}
	r.epoch++
	r.owner, r.lease = x.Owner, c.at+store.Time(x.Lease)
	c.putBranch(x.Branch, r)
	return c.takeover(x.Branch, r, vol)
}

// Renew extends the owner's lease from now. With no lease it gives the volume
// up; the journal must be flushed or whoever claims the volume next replays it.
type Renew struct {
	Branch Branch
	Epoch  uint64
	Lease  uint32 // milliseconds; 0: release
}

func (x *Renew) wire(c *coder) {
	num32(c, &x.Branch)
	c.u64(&x.Epoch)
	c.u32(&x.Lease)
}

func (x *Renew) apply(c *change) (wirer, error) {
	r, err := c.owned(x.Branch, x.Epoch)
	if err != nil {
		return nil, err
	}
	if x.Lease > MaxLease {
		return nil, refuse(store.KindInvalid, ReasonOwner, "a lease has at most ten minutes", "%v", x.Branch)
	}
	r.lease = c.at + store.Time(x.Lease)
	if x.Lease == 0 {
		r.owner, r.lease = "", 0
	}
	c.putBranch(x.Branch, r)
	return nil, nil
}

// Takeover is what a new owner needs: the journal behind Volume.Flushed is in
// Segments, in this order.
type Takeover struct {
	Volume   Volume
	Segments []Segment
	// Pending are the snapshots whose LSN a flush must stop at, in this order.
	Pending []Pending
}

// Pending is a snapshot that waits until the journal up to its LSN is flushed.
type Pending struct {
	Snapshot SnapshotID
	LSN      LSN
}

func (t *Takeover) wire(c *coder) {
	t.Volume.wire(c)
	list(c, &t.Segments, MaxSegments, func(s *Segment) {
		c.u32(&s.Number)
		s.wire(c)
	})
	list(c, &t.Pending, MaxPending, func(p *Pending) {
		num32(c, &p.Snapshot)
		c.lsn(&p.LSN)
	})
}

func (v view) takeover(b Branch, r *branchRec, vol *volumeRec) (*Takeover, error) {
	segments, err := v.segments(b)
	if err != nil {
		return nil, err
	}
	t := &Takeover{Segments: segments}
	if t.Volume, err = v.describe(b, r, vol); err != nil {
		return nil, err
	}
	for _, p := range r.pending {
		t.Pending = append(t.Pending, Pending{p.snapshot, p.lsn})
	}
	return t, nil
}

// askTakeover answers what [Claim] answers, without a claim.
type askTakeover struct{ Branch Branch }

func (x *askTakeover) wire(c *coder) { num32(c, &x.Branch) }

func (x *askTakeover) read(v view) (wirer, error) {
	r, vol, err := v.activeVolume(x.Branch)
	if err != nil {
		return nil, err
	}
	return v.takeover(x.Branch, r, vol)
}

// Recovered tells where the journal that a new owner found ends. Snapshots that
// were to be taken behind that end are taken there: what they waited for was
// never durable.
type Recovered struct {
	Branch Branch
	Epoch  uint64
	End    LSN
}

func (x *Recovered) wire(c *coder) {
	num32(c, &x.Branch)
	c.u64(&x.Epoch)
	c.lsn(&x.End)
}

func (x *Recovered) apply(c *change) (wirer, error) {
	r, err := c.owned(x.Branch, x.Epoch)
	if err != nil {
		return nil, err
	}
	if x.End < r.flushed {
		return nil, refuse(store.KindInvalid, ReasonGap, "the flushed LSN is behind it", "%v LSN %d", x.Branch, x.End)
	}
	for i := range r.pending {
		r.pending[i].lsn = min(r.pending[i].lsn, x.End)
	}
	if err := c.completeFlushed(x.Branch, r); err != nil {
		return nil, err
	}
	c.putBranch(x.Branch, r)
	return nil, nil
}
