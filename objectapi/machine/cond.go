package machine

import "cairn/store"

func (e *encoder) cond(c *Cond) {
	e.bool(c.Absent)
	e.str(c.ETag)
	e.str(c.NotETag)
	e.bool(c.Size != nil)
	if c.Size != nil {
		e.u64(uint64(*c.Size))
	}
	e.bool(c.Modified != nil)
	if c.Modified != nil {
		e.u64(uint64(*c.Modified))
	}
}

func (d *decoder) cond() Cond {
	c := Cond{Absent: d.bool(), ETag: d.str(), NotETag: d.str()}
	if d.bool() {
		size := int64(d.u64())
		c.Size = &size
	}
	if d.bool() {
		t := store.Time(d.u64())
		c.Modified = &t
	}
	return c
}

// check returns nil if the condition holds of head, the current object or nil.
func (c *Cond) check(op string, key []byte, head *objRec) error {
	broken := func(reason string) error { return fail(op, key, store.KindPrecondition, reason, "") }
	if c.Absent && head != nil {
		return broken(ReasonExists)
	}
	if c.NotETag != "" && head != nil && c.NotETag == head.ETag() {
		return broken(ReasonExists)
	}
	if c.ETag == "" && c.Size == nil && c.Modified == nil {
		return nil
	}
	switch {
	case head == nil:
		return fail(op, key, store.KindNotFound, ReasonKey, "")
	case c.ETag != "" && c.ETag != "*" && c.ETag != head.ETag():
		return broken(ReasonETag)
	case c.Size != nil && *c.Size != head.Size:
		return broken(ReasonSize)
	case c.Modified != nil && *c.Modified/1000 != head.Modified/1000:
		return broken(ReasonModified)
	}
	return nil
}
