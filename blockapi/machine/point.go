package machine

import "cairn/store"

// pointRec is a point in a branch's past: what a read at its seq sees is kept.
//
// Format 1: u8 format | u32 pins.
type pointRec struct {
	pins uint32 // snapshots and clones that need the point
}

func (p *pointRec) wire(c *coder) { c.u32(&p.pins) }

func pointSuffix(b Branch, seq Seq) []byte { return be32(uint32(b), uint32(seq)) }

// points finds the points of branches. Close it.
type points struct{ rows cursor }

func (v view) points() (points, error) {
	rows, err := v.rows(colPoint)
	return points{rows}, err
}

func (p points) close(err error) error { return p.rows.close(err) }

// from returns the first point of a branch at or behind seq.
func (p points) from(b Branch, seq Seq) (Seq, bool) {
	if !p.rows.under(pointSuffix(b, seq), be32(uint32(b))) {
		return 0, false
	}
	return Seq(suffix32(p.rows.suffix(), 1)), true
}

// between reports whether a branch has a point in [from, to).
func (p points) between(b Branch, from, to Seq) bool {
	at, ok := p.from(b, from)
	return ok && at < to
}

// before returns the last point of a branch before seq. As rows cannot be
// walked backwards, it is searched for.
func (p points) before(b Branch, seq Seq) (Seq, bool) {
	found, ok := p.from(b, 0)
	if !ok || found >= seq {
		return 0, false
	}
	for hi := seq; found+1 < hi; {
		mid := found + (hi-found)/2
		if at, ok := p.from(b, mid); ok && at < hi {
			found = at
		} else {
			hi = mid
		}
	}
	return found, true
}

// pin makes one more snapshot or clone need the point.
func (c *change) pin(b Branch, seq Seq) error {
	p, err := load[pointRec](c.view, colPoint, pointSuffix(b, seq), "point row")
	if err != nil {
		return err
	}
	if p == nil {
		p = &pointRec{}
	}
	p.pins++
	c.put(colPoint, pointSuffix(b, seq), p)
	return nil
}

// unpin takes back one pin. When it was the last, the point goes, and the rows
// that only it wanted are left to Sweep: those have seqs behind the point before
// it, for that one wants the older ones.
func (c *change) unpin(b Branch, seq Seq) (err error) {
	p, err := load[pointRec](c.view, colPoint, pointSuffix(b, seq), "point row")
	if err != nil {
		return err
	}
	if p == nil || p.pins == 0 {
		return &store.Error{Op: "unpin", Kind: store.KindCorrupt, Resource: "point row of " + b.String()}
	}
	if p.pins--; p.pins > 0 {
		c.put(colPoint, pointSuffix(b, seq), p)
		return nil
	}
	c.delete(colPoint, pointSuffix(b, seq))
	return c.sweepBehind(b, seq)
}

// sweepBehind leaves to Sweep the rows between the last point before seq and
// seq itself.
func (c *change) sweepBehind(b Branch, seq Seq) (err error) {
	ps, err := c.points()
	if err != nil {
		return err
	}
	defer func() { err = ps.close(err) }()
	s := sweepRec{}
	if at, ok := ps.before(b, seq); ok {
		s.seq = at + 1
	}
	c.put(colSweep, be32(uint32(b), uint32(seq)), &s)
	return nil
}
