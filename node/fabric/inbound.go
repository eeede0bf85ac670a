package fabric

import (
	"encoding/binary"

	"cairn/internal/sockio"
)

const (
	// recordHeader is how many bytes precede a TLS record; the last two are its
	// length (RFC 8446, 5.1).
	recordHeader = 5
	// maxRecord is the most that a record holds.
	maxRecord = 16 << 10
)

// inbound gives crypto/tls what a connection receives, at most to the end of a
// record at a time: so it is known whether crypto/tls could read another record
// without waiting. It belongs to the connection's reader, and holds a buffer only
// while there is something in it.
type inbound struct {
	conn *sockio.Conn
	buf  []byte // of ioBuffers; nil: nothing is here
	r, w int    // what is here lies in between
	left int    // bytes of the record that crypto/tls is reading
}

// Read implements io.Reader.
func (in *inbound) Read(b []byte) (int, error) {
	for in.left == 0 {
		n, ok := in.next()
		if ok {
			in.left = n
		} else if err := in.fill(); err != nil {
			return 0, err
		}
	}
	if in.r == in.w {
		if err := in.fill(); err != nil {
			return 0, err
		}
	}
	n := copy(b, in.buf[in.r:min(in.w, in.r+in.left)])
	in.r += n
	in.left -= n
	if in.r == in.w {
		in.drop()
	}
	return n, nil
}

// next returns the length of the record that begins at r, with its header; ok is
// false if the header is not here yet.
func (in *inbound) next() (n int, ok bool) {
	if in.w-in.r < recordHeader {
		return 0, false
	}
	return recordHeader + int(binary.BigEndian.Uint16(in.buf[in.r+recordHeader-2:])), true
}

// whole reports whether a whole record is here that crypto/tls has not begun.
func (in *inbound) whole() bool {
	n, ok := in.next()
	return in.left == 0 && ok && in.w-in.r >= n
}

// fill waits until more is here.
func (in *inbound) fill() error {
	if in.buf == nil {
		b, err := in.conn.ReadBuffer(ioBuffers)
		if err == nil {
			in.buf, in.r, in.w = b[:cap(b)], 0, len(b)
		}
		return err
	}
	in.r, in.w = 0, copy(in.buf, in.buf[in.r:in.w])
	n, err := in.conn.Read(in.buf[in.w:])
	in.w += n
	return err
}

// drop gives the buffer back.
func (in *inbound) drop() {
	ioBuffers.Put(in.buf)
	in.buf, in.r, in.w = nil, 0, 0
}
