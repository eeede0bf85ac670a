package nbd

import (
	"encoding/binary"

	"cairn/internal/arena"
)

// header is a request as it came.
type header struct {
	flags  uint16
	cmd    command
	cookie uint64
	offset uint64
	length uint64 // of the payload if there is one, else of the range
}

// parseHeader reads a request header of the style. b has the right length.
func parseHeader(b []byte, s style) (header, error) {
	magic, want := binary.BigEndian.Uint32(b), magicRequest
	if s == styleExtended {
		want = magicExtendedRequest
	}
	if magic != want {
		return header{}, violation("request magic %#x instead of %#x", magic, want)
	}
	h := header{
		flags:  binary.BigEndian.Uint16(b[4:]),
		cmd:    command(binary.BigEndian.Uint16(b[6:])),
		cookie: binary.BigEndian.Uint64(b[8:]),
		offset: binary.BigEndian.Uint64(b[16:]),
	}
	if s == styleExtended {
		h.length = binary.BigEndian.Uint64(b[24:])
	} else {
		h.length = uint64(binary.BigEndian.Uint32(b[24:]))
	}
	return h, nil
}

// headerLen is how long request headers of the style are.
func (s style) headerLen() int {
	if s == styleExtended {
		return lenExtendedRequest
	}
	return lenRequest
}

// payload returns how many bytes follow the header.
func (h *header) payload(s style) uint64 {
	switch {
	case s == styleExtended && h.flags&cmdFlagPayloadLen != 0, s != styleExtended && h.cmd == cmdWrite:
		return h.length
	}
	return 0
}

func (h *header) has(flag uint16) bool { return h.flags&flag != 0 }

// request is one of a connection's slots: a request while it is in flight. The
// reader owns it until it is queued, then a worker, then the writer, which makes
// it free again.
type request struct {
	header
	write    []byte   // WRITE's payload, from the arena, until the export has it
	contexts []uint32 // the ids that BLOCK_STATUS is about
	held     int64    // what it is charged for, in bytes
	err      error    // refused already by the reader

	// The reply.
	data  []byte   // what READ read, from the arena
	holes Holes    // in data
	head  []byte   // the headers and small payloads
	out   [][]byte // slices of head and data, in the order they are sent
}

// maxKeptHead is how much memory for headers a free slot keeps.
const maxKeptHead = 4 << 10

// recycle gives back what the request has and readies it for the next.
func (r *request) recycle() {
	arena.Put(r.data)
	arena.Put(r.write)
	r.data, r.write, r.err, r.held = nil, nil, nil, 0
	r.contexts = r.contexts[:0]
	r.holes.reset()
	clear(r.out)
	r.out = r.out[:0]
	if cap(r.head) > maxKeptHead {
		r.head = nil
	}
	r.head = r.head[:0]
}
