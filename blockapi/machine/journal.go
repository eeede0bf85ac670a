package machine

import "cairn/store"

// MaxHolders is how many nodes hold a journal segment: one in each of three
// zones. A smaller cluster has fewer.
const MaxHolders = 3

// Segment is a journal segment of a volume. LSNs go through the segments in the
// order of their numbers without a gap.
//
// Format 1: u8 format | u64 epoch | holders, each u32 | u8 sealed | u64 end LSN.
type Segment struct {
	Number  uint32 // in its volume, from 1; never reused
	Epoch   uint64 // of the owner that registered it
	Holders []uint32
	Sealed  bool
	End     LSN // its last LSN, if it is sealed
}

func (s *Segment) wire(c *coder) {
	c.u64(&s.Epoch)
	list(c, &s.Holders, MaxHolders, c.u32)
	c.bool(&s.Sealed)
	c.lsn(&s.End)
}

func segmentSuffix(b Branch, number uint32) []byte { return be32(uint32(b), number) }

// segments returns the segments of a volume in order.
func (v view) segments(b Branch) (out []Segment, err error) {
	prefix := be32(uint32(b))
	err = v.walk(colSegment, prefix, prefix, func(suffix, value []byte) (bool, error) {
		s := Segment{Number: suffix32(suffix, 1)}
		if err := decode(value, &s, store.KindCorrupt, "segment row"); err != nil {
			return false, err
		}
		out = append(out, s)
		return false, nil
	})
	return out, err
}

// checkClean refuses a volume without an owner whose journal holds more than the
// rows. An owner answers for its journal itself.
func (v view) checkClean(b Branch, r *branchRec) error {
	if r.owner != "" {
		return nil
	}
	segments, err := v.segments(b)
	if err != nil {
		return err
	}
	for _, s := range segments {
		if !s.Sealed || s.End > r.flushed {
			return refuse(store.KindConflict, ReasonUnflushed, "claim it and replay its journal first", "%v", b)
		}
	}
	return nil
}

// Register adds segments to the volume's journal ahead of their use, so that
// its I/O goes on while Raft has no leader. Each has one to three holders.
type Register struct {
	Branch   Branch
	Epoch    uint64
	Segments [][]uint32 // the holders of each
}

func (x *Register) wire(c *coder) {
	num32(c, &x.Branch)
	c.u64(&x.Epoch)
	list(c, &x.Segments, MaxSegments, func(h *[]uint32) { list(c, h, MaxHolders, c.u32) })
}

// Registered is the number of the first segment that was added; the others
// follow it.
type Registered struct{ First uint32 }

func (x *Registered) wire(c *coder) { c.u32(&x.First) }

func (x *Register) apply(c *change) (wirer, error) {
	r, err := c.owned(x.Branch, x.Epoch)
	if err != nil {
		return nil, err
	}
	have, err := c.segments(x.Branch)
	if err != nil {
		return nil, err
	}
	if len(have)+len(x.Segments) > MaxSegments {
		return nil, refuse(store.KindTooLarge, ReasonLimit, "trim the journal first", "%v segments", x.Branch)
	}
	reply := &Registered{First: r.segment + 1}
	for _, holders := range x.Segments {
		if !distinct(holders) {
			return nil, refuse(store.KindInvalid, ReasonSegment, "one to three different holders", "%v", x.Branch)
		}
		r.segment++
		c.put(colSegment, segmentSuffix(x.Branch, r.segment), &Segment{Epoch: x.Epoch, Holders: holders})
	}
	c.putBranch(x.Branch, r)
	return reply, nil
}

func distinct(holders []uint32) bool {
	for i := range holders {
		for j := range i {
			if holders[i] == holders[j] {
				return false
			}
		}
	}
	return len(holders) > 0
}

// Seal fixes the end of the first open segment. A new owner that copied the
// segment to other nodes names its holders anew.
type Seal struct {
	Branch  Branch
	Epoch   uint64
	Number  uint32
	End     LSN // that of the segment before, if this one is empty
	Holders []uint32
}

func (x *Seal) wire(c *coder) {
	num32(c, &x.Branch)
	c.u64(&x.Epoch)
	c.u32(&x.Number)
	c.lsn(&x.End)
	list(c, &x.Holders, MaxHolders, c.u32)
}

func (x *Seal) apply(c *change) (wirer, error) {
	r, err := c.owned(x.Branch, x.Epoch)
	if err != nil {
		return nil, err
	}
	segments, err := c.segments(x.Branch)
	if err != nil {
		return nil, err
	}
	i := 0
	for i < len(segments) && segments[i].Sealed {
		i++
	}
	switch {
	case i == len(segments) || segments[i].Number > x.Number:
		return nil, refuse(store.KindNotFound, ReasonSegment, "", "%v segment %d", x.Branch, x.Number)
	case segments[i].Number < x.Number:
		return nil, refuse(store.KindInvalid, ReasonSegment, "seal the ones before first", "%v segment %d", x.Branch, x.Number)
	case x.End < r.sealed || len(x.Holders) > 0 && !distinct(x.Holders):
		return nil, refuse(store.KindInvalid, ReasonSegment, "it ends before it begins, or has a holder twice", "%v segment %d", x.Branch, x.Number)
	}
	s := segments[i]
	s.Sealed, s.End = true, x.End
	if len(x.Holders) > 0 {
		s.Holders = x.Holders
	}
	c.put(colSegment, segmentSuffix(x.Branch, x.Number), &s)
	r.sealed = x.End
	c.putBranch(x.Branch, r)
	return nil, nil
}

// Trim drops the sealed segments that are flushed whole, and no others
// (invariant 14).
type Trim struct {
	Branch Branch
	Epoch  uint64
}

func (x *Trim) wire(c *coder) {
	num32(c, &x.Branch)
	c.u64(&x.Epoch)
}

// Trimmed are the segments that were dropped: their holders may forget them.
type Trimmed struct{ Segments []Segment }

func (x *Trimmed) wire(c *coder) {
	list(c, &x.Segments, MaxSegments, func(s *Segment) {
		c.u32(&s.Number)
		s.wire(c)
	})
}

func (x *Trim) apply(c *change) (wirer, error) {
	r, err := c.owned(x.Branch, x.Epoch)
	if err != nil {
		return nil, err
	}
	segments, err := c.segments(x.Branch)
	if err != nil {
		return nil, err
	}
	reply := &Trimmed{}
	for _, s := range segments {
		if !s.Sealed || s.End > r.flushed {
			break
		}
		c.delete(colSegment, segmentSuffix(x.Branch, s.Number))
		reply.Segments = append(reply.Segments, s)
	}
	return reply, nil
}

// dropSegments deletes all segments of a volume that goes.
func (c *change) dropSegments(b Branch) error {
	segments, err := c.segments(b)
	for _, s := range segments {
		c.delete(colSegment, segmentSuffix(b, s.Number))
	}
	return err
}
