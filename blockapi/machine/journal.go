package machine

import "cairn/store"

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
