package nbd

import (
	"encoding/binary"

	"github.com/stretchr/testify/require"
)

// reply is everything that came for one request.
type reply struct {
	cookie uint64
	errno  errno
	text   string
	data   []byte // of READ, put together
	chunks []chunkType
	status map[uint32][]Extent // of BLOCK_STATUS, by context
	done   int                 // bytes of data that chunks have covered
}

// recv returns the next reply that is complete, and checks all of its form.
func (c *client) recv() reply {
	c.t.Helper()
	for {
		magic, err := c.in.Peek(4)
		require.NoError(c.t, err)
		if binary.BigEndian.Uint32(magic) == magicSimpleReply {
			return c.recvSimple()
		}
		if r := c.recvChunk(); r != nil {
			return *r
		}
	}
}

// answered takes the request a reply is for off the list.
func (c *client) answered(cookie uint64) header {
	c.t.Helper()
	h, ok := c.sent[cookie]
	require.True(c.t, ok, "a reply to %d, which was not asked or is answered already", cookie)
	delete(c.sent, cookie)
	return h
}

func (c *client) recvSimple() reply {
	c.t.Helper()
	require.NotEqual(c.t, styleExtended, c.style, "a simple reply")
	b := c.read(lenSimpleReply)
	r := reply{errno: errno(binary.BigEndian.Uint32(b[4:])), cookie: binary.BigEndian.Uint64(b[8:])}
	h := c.answered(r.cookie)
	if h.cmd == cmdRead {
		require.Equal(c.t, styleSimple, c.style, "a simple reply to READ")
		if r.errno == 0 {
			r.data = c.read(int(h.length))
		}
	}
	return r
}

// recvChunk reads a chunk and returns the reply that it completes, or nil.
func (c *client) recvChunk() *reply {
	c.t.Helper()
	size, magic := lenStructuredReply, magicStructuredReply
	if c.style == styleExtended {
		size, magic = lenExtendedReply, magicExtendedReply
	}
	b := c.read(size)
	require.Equal(c.t, magic, binary.BigEndian.Uint32(b))
	flags, typ := binary.BigEndian.Uint16(b[4:]), chunkType(binary.BigEndian.Uint16(b[6:]))
	cookie, n := binary.BigEndian.Uint64(b[8:]), uint64(binary.BigEndian.Uint32(b[16:]))
	h, ok := c.sent[cookie]
	require.True(c.t, ok, "a chunk for %d, which was not asked or is answered already", cookie)
	if c.style == styleExtended {
		require.Equal(c.t, h.offset, binary.BigEndian.Uint64(b[16:]))
		n = binary.BigEndian.Uint64(b[24:])
	}
	require.LessOrEqual(c.t, n, uint64(MaxPayload+8))
	r := c.parts[cookie]
	if r == nil {
		r = &reply{cookie: cookie, status: map[uint32][]Extent{}}
		c.parts[cookie] = r
	}
	r.chunks = append(r.chunks, typ)
	c.addChunk(r, h, typ, c.read(int(n)))
	if flags&chunkDone == 0 {
		return nil
	}
	delete(c.parts, cookie)
	c.answered(cookie)
	if h.cmd == cmdRead && r.errno == 0 {
		require.EqualValues(c.t, h.length, r.done, "the chunks cover the request")
	}
	return r
}

func (c *client) addChunk(r *reply, h header, typ chunkType, p []byte) {
	c.t.Helper()
	place := func(n int) []byte {
		if r.data == nil {
			r.data = make([]byte, h.length)
		}
		at := binary.BigEndian.Uint64(p) - h.offset
		require.LessOrEqual(c.t, at+uint64(n), h.length)
		r.done += n
		return r.data[at : at+uint64(n)]
	}
	switch typ {
	case chunkNone:
		require.Empty(c.t, p)
	case chunkOffsetData:
		require.Greater(c.t, len(p), 8)
		copy(place(len(p)-8), p[8:])
	case chunkOffsetHole:
		require.Len(c.t, p, 12)
		require.NotZero(c.t, binary.BigEndian.Uint32(p[8:]))
		place(int(binary.BigEndian.Uint32(p[8:])))
	case chunkError:
		r.errno = errno(binary.BigEndian.Uint32(p))
		require.NotZero(c.t, r.errno)
		require.Len(c.t, p, 6+int(binary.BigEndian.Uint16(p[4:])))
		r.text = string(p[6:])
	case chunkBlockStatus:
		require.NotEqual(c.t, styleExtended, c.style)
		id := binary.BigEndian.Uint32(p)
		for p = p[4:]; len(p) > 0; p = p[8:] {
			r.status[id] = append(r.status[id], Extent{int64(binary.BigEndian.Uint32(p)), binary.BigEndian.Uint32(p[4:])})
		}
	case chunkBlockStatusExt:
		require.Equal(c.t, styleExtended, c.style)
		id, count := binary.BigEndian.Uint32(p), binary.BigEndian.Uint32(p[4:])
		require.Len(c.t, p, 8+16*int(count))
		for p = p[8:]; len(p) > 0; p = p[16:] {
			r.status[id] = append(r.status[id], Extent{int64(binary.BigEndian.Uint64(p)), uint32(binary.BigEndian.Uint64(p[8:]))})
		}
	default:
		require.Fail(c.t, "unknown chunk", "%d", typ)
	}
}
