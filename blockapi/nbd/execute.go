package nbd

import (
	"errors"

	"cairn/internal/arena"
	"cairn/store"
)

// leastHole is the shortest hole that is sent as one. Shorter ones are sent as
// zeros: a chunk costs a client more.
const leastHole = 4 << 10

// execute carries a request out and makes its reply ready to be sent.
func (s *session) execute(r *request) {
	if err := s.perform(r); err != nil {
		s.replyError(r, err)
	}
}

// perform calls the export. Without an error the reply has been made.
func (s *session) perform(r *request) error {
	if r.err != nil {
		return r.err
	}
	off, n, fua := int64(r.offset), int64(r.length), r.has(cmdFlagFUA)
	var err error
	switch r.cmd {
	case cmdRead:
		return s.readData(r, off)
	case cmdBlockStatus:
		return s.blockStatus(r, off, n)
	case cmdWrite:
		p := r.write
		r.write = nil // the export's now
		err = s.export.Write(s.ctx, p, off, fua)
	case cmdFlush:
		err = s.export.Flush(s.ctx)
	case cmdTrim:
		err = s.export.Trim(s.ctx, off, n, fua)
	case cmdCache:
		err = s.export.Cache(s.ctx, off, n)
	case cmdWriteZeroes:
		how := ZeroMode{MayTrim: !r.has(cmdFlagNoHole), Fast: r.has(cmdFlagFastZero), FUA: fua}
		if err = s.export.Zero(s.ctx, off, n, how); errors.Is(err, ErrSlowZero) && !how.Fast {
			return store.Errorf(store.KindInternal, "write zeroes", "refused as slow, but need not be fast")
		}
	}
	if err != nil {
		return err
	}
	s.replyDone(r)
	return nil
}

// readData answers READ.
func (s *session) readData(r *request, off int64) error {
	r.data = arena.Get(int(r.length))
	if err := s.export.Read(s.ctx, r.data, off, &r.holes); err != nil {
		return err
	}
	if s.style == styleSimple || r.has(cmdFlagDF) {
		if err := r.holes.Fill(r.data); err != nil {
			return err
		}
	} else {
		if err := r.holes.check(len(r.data)); err != nil {
			return err
		}
		r.holes.fill(r.data, leastHole)
	}
	s.replyRead(r)
	return nil
}
