package nbd

import (
	"encoding/binary"
	"io"
	"slices"
	"time"

	"golang.org/x/sync/semaphore"

	"cairn/internal/arena"
)

const (
	// maxRefused is the longest payload of a bad request that is read and
	// thrown away. Whoever announces more is hung up on.
	maxRefused = 2 * MaxPayload

	// statusMemory is what a BLOCK_STATUS is charged for each context.
	statusMemory = maxExtents * lenExtentExt
)

// read takes in requests until there are no more to come, and says why:
// errDisconnected after DISC, what failed otherwise.
func (s *session) read() error {
	for {
		b, err := s.in.Peek(s.style.headerLen())
		if err != nil {
			return err
		}
		h, err := parseHeader(b, s.style)
		if err != nil {
			return err
		}
		_, _ = s.in.Discard(len(b))
		if h.cmd == cmdDisc && h.payload(s.style) == 0 {
			return errDisconnected
		}
		r, err := s.slot()
		if err != nil {
			return err
		}
		r.header = h
		if err := s.take(r); err != nil {
			s.giveBack(r)
			return err
		}
	}
}

// take reads what follows a request's header and passes the request on. Memory is
// waited for before the payload is read, so that the wait pushes back on the
// client. An error is one of the connection.
func (s *session) take(r *request) error {
	payload := r.payload(s.style)
	if payload > maxRefused || payload > MaxPayload && s.style == styleExtended {
		return violation("%s announces a payload of %d bytes", r.cmd, payload)
	}
	r.err = s.check(&r.header)
	if r.err == nil && r.cmd == cmdBlockStatus {
		return s.takeStatus(r, payload)
	}
	if r.err != nil {
		if err := s.skip(payload); err != nil {
			return err
		}
		s.dispatch(r)
		return nil
	}
	if r.cmd == cmdRead || r.cmd == cmdWrite {
		if err := s.charge(r, int64(r.length)); err != nil {
			return err
		}
	}
	if payload > 0 {
		r.write = arena.Get(int(payload))
		if err := s.fill(r.write); err != nil {
			return err
		}
	}
	s.dispatch(r)
	return nil
}

// takeStatus reads the payload of BLOCK_STATUS, which restricts it to some of
// the contexts, and finds out which contexts it is about.
func (s *session) takeStatus(r *request, payload uint64) error {
	switch {
	case payload == 0:
		for i := range s.contexts {
			r.contexts = append(r.contexts, uint32(i+1))
		}
	case payload < 8 || payload%4 != 0 || payload > uint64(8+4*len(s.contexts)):
		r.err = refuse(eInval, "a payload of %d bytes does not list contexts", payload)
		if err := s.skip(payload); err != nil {
			return err
		}
	default:
		var b [8 + 4*maxContexts]byte
		if err := s.fill(b[:payload]); err != nil {
			return err
		}
		r.length = binary.BigEndian.Uint64(b[:])
		r.err = s.restrict(r, b[8:payload])
	}
	if r.err == nil {
		if err := s.charge(r, statusMemory*int64(len(r.contexts))); err != nil {
			return err
		}
	}
	s.dispatch(r)
	return nil
}

// restrict checks a BLOCK_STATUS with a payload, whose ids are in b.
func (s *session) restrict(r *request, b []byte) error {
	if err := s.checkRange(&r.header); err != nil {
		return err
	}
	for ; len(b) > 0; b = b[4:] {
		id := binary.BigEndian.Uint32(b)
		if id == 0 || int64(id) > int64(len(s.contexts)) || slices.Contains(r.contexts, id) {
			return refuse(eInval, "context %d is not selected, or named twice", id)
		}
		r.contexts = append(r.contexts, id)
	}
	if len(r.contexts) == 0 {
		return refuse(eInval, "no context is named")
	}
	return nil
}

// slot waits until the connection may have one more request.
func (s *session) slot() (*request, error) {
	select {
	case r := <-s.free:
		return r, nil
	default:
	}
	defer s.watch.begin()()
	select {
	case r := <-s.free:
		return r, nil
	case <-s.ctx.Done():
		return nil, s.ctx.Err()
	}
}

// charge waits until the connection and the server have n bytes of memory for a
// request.
func (s *session) charge(r *request, n int64) error {
	n = min(n, s.srv.cfg.Limits.ConnectionMemory)
	if err := s.acquire(s.memory, n); err != nil {
		return err
	}
	if err := s.acquire(s.srv.memory, n); err != nil {
		s.memory.Release(n)
		return err
	}
	r.held = n
	return nil
}

func (s *session) acquire(from *semaphore.Weighted, n int64) error {
	if from.TryAcquire(n) {
		return nil
	}
	defer s.watch.begin()()
	return from.Acquire(s.ctx, n)
}

// giveBack frees a request's slot, memory and buffers.
func (s *session) giveBack(r *request) {
	if r.held > 0 {
		s.memory.Release(r.held)
		s.srv.memory.Release(r.held)
	}
	r.recycle()
	s.free <- r
}

// fill reads len(p) bytes of payload within the time for it.
func (s *session) fill(p []byte) error {
	if s.in.Buffered() < len(p) {
		s.deadline.set(time.Now().Add(s.srv.cfg.Limits.Stall))
		defer s.deadline.set(time.Time{})
	}
	_, err := io.ReadFull(s.in, p)
	return err
}

// skip throws n bytes of payload away.
func (s *session) skip(n uint64) error {
	if uint64(s.in.Buffered()) < n {
		s.deadline.set(time.Now().Add(s.srv.cfg.Limits.Stall))
		defer s.deadline.set(time.Time{})
	}
	_, err := s.in.Discard(int(n))
	return err
}
