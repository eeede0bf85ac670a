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
