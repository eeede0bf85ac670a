package machine

import (
	"bytes"

	"cairn/store"
)

// sweepRec is the place of a sweep over the versions of a branch whose seqs are
// in [seq, last], where last is in the row's suffix.
//
// Format 1: u8 format | u32 next seq | u32 its next chunk.
type sweepRec struct {
	seq   Seq
	chunk uint32
}

func (s *sweepRec) wire(c *coder) {
	num32(c, &s.seq)
	c.u32(&s.chunk)
}

// sweep frees a bounded number of dead versions of the family's first sweep. A
// version is dead if no point and no head sees it. It cannot come back to life:
// new points are made at the head only.
type sweep struct{}

func (*sweep) wire(*coder) {}

// Progress says what a step of background work did.
type Progress struct {
	More  bool // there is more to do
	Rows  int  // chunk rows that it changed or deleted
	Blobs int  // blobs that nothing refers to any more
}

func (p *Progress) wire(c *coder) {
	c.bool(&p.More)
	rows, blobs := uint32(p.Rows), uint32(p.Blobs)
	c.u32(&rows)
	c.u32(&blobs)
	p.Rows, p.Blobs = int(rows), int(blobs)
}

func (*sweep) apply(c *change) (wirer, error) {
	var suffix []byte
	rec := &sweepRec{}
	more := false
	err := c.walk(colSweep, nil, nil, func(s, v []byte) (bool, error) {
		if suffix != nil {
			more = true
			return true, nil
		}
		suffix = bytes.Clone(s)
		return false, decode(v, rec, store.KindCorrupt, "sweep row")
	})
	if err != nil || suffix == nil {
		return &Progress{}, err
	}
	b, last := Branch(suffix32(suffix, 0)), Seq(suffix32(suffix, 1))
	reply, done, err := c.sweepSome(b, rec, last)
	if err != nil {
		return nil, err
	}
	if !done {
		c.put(colSweep, suffix, rec)
		reply.More = true
		return reply, nil
	}
	c.delete(colSweep, suffix)
	moreLater, err := c.finishBranch(b, suffix)
	reply.More = more || moreLater
	return reply, err
}

// sweepSome looks at a bounded number of versions and moves rec behind them.
func (c *change) sweepSome(b Branch, rec *sweepRec, last Seq) (reply *Progress, done bool, err error) {
	r, err := c.branch(b)
	if err != nil {
		return nil, false, err
	}
	k, err := c.newSweeper(b, r)
	if err != nil {
		return nil, false, err
	}
	defer func() { err = k.close(err) }()
	reply, done = &Progress{}, true
	looked := 0
	err = c.walk(colStamp, be32(uint32(b)), stampSuffix(b, rec.seq, rec.chunk), func(suffix, _ []byte) (bool, error) {
		seq, chunk := Seq(suffix32(suffix, 1)), suffix32(suffix, 2)
		if seq > last {
			return true, nil
		}
		if looked++; looked > stepRows || len(c.tally.order) > stepBlobs {
			rec.seq, rec.chunk, done = seq, chunk, false
			return true, nil
		}
		dead, err := k.drop(chunk, seq)
		if dead {
			reply.Rows++
		}
		return false, err
	})
	if err != nil {
		return nil, false, err
	}
	reply.Blobs = c.tally.dead()
	c.putBranch(b, r)
	return reply, done, nil
}

// dead counts the blobs that the command lets go.
func (t *tally) dead() (n int) {
	for _, b := range t.blobs {
		if b.fresh == nil && b.live() == 0 {
			n++
		}
	}
	return n
}

// finishBranch deletes a branch that has no head, no points and no sweeps but
// the one that ends now, and takes its pin off its parent. It reports whether
// that leaves another sweep.
func (c *change) finishBranch(b Branch, ending []byte) (more bool, err error) {
	r, err := c.branch(b)
	if err != nil || r.headLives() {
		return false, err
	}
	needed := false
	prefix := be32(uint32(b))
	for _, col := range []store.Col{colPoint, colSweep} {
		err := c.walk(col, prefix, prefix, func(suffix, _ []byte) (bool, error) {
			needed = needed || col == colPoint || !bytes.Equal(suffix, ending)
			return needed, nil
		})
		if err != nil {
			return false, err
		}
	}
	if needed {
		return false, nil
	}
	c.delete(colBranch, b.suffix())
	if r.parent == 0 {
		return false, nil
	}
	return true, c.unpin(r.parent, r.parentSeq)
}
