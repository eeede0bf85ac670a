package machine

import "cairn/store"

// StartSnapshot makes a snapshot that is not taken of a volume: blocks are put
// into it, by Flush with epoch 0 and LSNs 0 on its branch, and CompleteSnapshot
// closes it. DeleteSnapshot gives it up. What is not put is as in the parent.
type StartSnapshot struct {
	Token      string
	Size       uint32 // GiB
	Parent     SnapshotID
	Encryption Encryption // of one without a parent; else it is the parent's
	SnapshotAttributes
}

func (x *StartSnapshot) wire(c *coder) {
	c.str(&x.Token, maxText)
	c.u32(&x.Size)
	num32(c, &x.Parent)
	x.Encryption.wire(c)
	x.SnapshotAttributes.wire(c)
}

func (x *StartSnapshot) token() string { return x.Token }

func (x *StartSnapshot) request() wirer {
	r := *x
	r.Encryption.Wrapped = nil
	return &r
}

func (x *StartSnapshot) apply(c *change) (wirer, error) {
	if old, err := c.repeated(); err != nil || old != nil {
		return old.created(), err
	}
	var src *source
	if x.Parent != 0 {
		var err error
		if src, err = c.snapshotSource(x.Parent); err != nil {
			return nil, err
		}
		x.Encryption = *src.encryption
	}
	if x.Size < 1 || x.Size > typeRules[TypeGP3].maxSize {
		return nil, refuse(store.KindInvalid, ReasonSize, "1 to 65,536 GiB", "%d GiB", x.Size)
	}
	a := &Attributes{Spec: Spec{Size: x.Size}, Encryption: x.Encryption}
	b, err := c.newBranch(VolumeFilling, a, src, x.Parent)
	if err != nil {
		return nil, err
	}
	r, err := c.branch(b)
	if err != nil {
		return nil, err
	}
	s, err := c.newSnapshot(b, r, &x.SnapshotAttributes)
	if err != nil {
		return nil, err
	}
	s.Size, s.Source, s.Encryption = x.Size, x.Parent, x.Encryption
	c.putSnapshot(s)
	c.putBranch(b, r)
	return &Created{b, s.ID}, nil
}

// CompleteSnapshot closes a snapshot that StartSnapshot made.
type CompleteSnapshot struct{ Snapshot SnapshotID }

func (x *CompleteSnapshot) wire(c *coder) { num32(c, &x.Snapshot) }

func (x *CompleteSnapshot) apply(c *change) (wirer, error) {
	s, err := c.snapshot(x.Snapshot)
	if err != nil {
		return nil, err
	}
	r, err := c.branch(s.Branch)
	if err != nil {
		return nil, err
	}
	if r.state != VolumeFilling {
		return nil, refuse(store.KindConflict, ReasonState, "it was not started, or is completed", "%v", x.Snapshot)
	}
	if err := c.complete(s, r); err != nil {
		return nil, err
	}
	// Every version is at or before the point, so none is left to sweep.
	r.state = VolumeDeleted
	c.delete(colVolume, s.Branch.suffix())
	c.putBranch(s.Branch, r)
	return s, nil
}
