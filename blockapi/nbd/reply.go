package nbd

import "encoding/binary"

// chunkLen is how long the header of a chunk is.
func (s *session) chunkLen() int {
	if s.style == styleExtended {
		return lenExtendedReply
	}
	return lenStructuredReply
}

// putChunk writes the header of a chunk with n bytes of payload to b.
func (s *session) putChunk(b []byte, r *request, flags uint16, typ chunkType, n int) {
	binary.BigEndian.PutUint16(b[4:], flags)
	binary.BigEndian.PutUint16(b[6:], uint16(typ))
	binary.BigEndian.PutUint64(b[8:], r.cookie)
	if s.style == styleExtended {
		binary.BigEndian.PutUint32(b, magicExtendedReply)
		binary.BigEndian.PutUint64(b[16:], r.offset)
		binary.BigEndian.PutUint64(b[24:], uint64(n))
		return
	}
	binary.BigEndian.PutUint32(b, magicStructuredReply)
	binary.BigEndian.PutUint32(b[16:], uint32(n))
}

// grow makes room for n more bytes in a request's head and returns them.
func (r *request) grow(n int) []byte {
	at := len(r.head)
	if cap(r.head)-at < n {
		r.head = append(r.head, make([]byte, n)...)
	}
	r.head = r.head[:at+n]
	return r.head[at:]
}

// replySimple answers with a simple reply without data.
func (r *request) replySimple(e errno) {
	b := r.grow(lenSimpleReply)
	binary.BigEndian.PutUint32(b, magicSimpleReply)
	binary.BigEndian.PutUint32(b[4:], uint32(e))
	binary.BigEndian.PutUint64(b[8:], r.cookie)
	r.out = append(r.out, b)
}

// replyDone answers a request that has succeeded and has no data.
func (s *session) replyDone(r *request) {
	if s.style != styleExtended {
		r.replySimple(0)
		return
	}
	b := r.grow(s.chunkLen())
	s.putChunk(b, r, chunkDone, chunkNone, 0)
	r.out = append(r.out, b)
}

// replyError answers a request that has failed; of what it has brought so far
// nothing is sent.
func (s *session) replyError(r *request, err error) {
	r.head, r.out = r.head[:0], r.out[:0]
	if s.style == styleSimple {
		r.replySimple(errnoOf(err))
		return
	}
	text := describe(err)
	b := r.grow(s.chunkLen() + 6)
	s.putChunk(b, r, chunkDone, chunkError, 6+len(text))
	payload := b[s.chunkLen():]
	binary.BigEndian.PutUint32(payload, uint32(errnoOf(err)))
	binary.BigEndian.PutUint16(payload[4:], uint16(len(text)))
	r.head = append(r.head, text...)
	r.out = append(r.out, r.head)
}

// replyRead answers READ with r.data: in one piece, or with its holes left out.
func (s *session) replyRead(r *request) {
	switch {
	case s.style == styleSimple:
		r.replySimple(0)
		r.out = append(r.out, r.data)
	default:
		at := 0
		for _, h := range r.holes.runs {
			s.appendData(r, at, h.from)
			s.appendHole(r, h)
			at = h.to
		}
		s.appendData(r, at, len(r.data))
	}
}

// appendData appends a chunk with r.data[from:to], if that is not empty.
func (s *session) appendData(r *request, from, to int) {
	if from == to {
		return
	}
	b := r.grow(s.chunkLen() + 8)
	s.putChunk(b, r, r.doneAt(to), chunkOffsetData, 8+to-from)
	binary.BigEndian.PutUint64(b[s.chunkLen():], r.offset+uint64(from))
	r.out = append(r.out, b, r.data[from:to])
}

// appendHole appends a chunk for a hole.
func (s *session) appendHole(r *request, h hole) {
	b := r.grow(s.chunkLen() + 12)
	s.putChunk(b, r, r.doneAt(h.to), chunkOffsetHole, 12)
	binary.BigEndian.PutUint64(b[s.chunkLen():], r.offset+uint64(h.from))
	binary.BigEndian.PutUint32(b[s.chunkLen()+8:], uint32(h.to-h.from))
	r.out = append(r.out, b)
}

// doneAt returns the flags of a chunk that ends at index end of the data.
func (r *request) doneAt(end int) uint16 {
	if end == len(r.data) {
		return chunkDone
	}
	return 0
}
