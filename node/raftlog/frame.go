package raftlog

import (
	"encoding/binary"
	"hash/crc32"
)

// A frame is what one write and one sync make durable. It begins on a block and
// is padded to whole blocks, so that no write touches a block that holds synced
// data. Header: u32 crc32c | u32 length of the payload | u64 number | u64
// segment. The checksum covers the segment's salt, the rest of the header and
// the payload.
//
// Frames are numbered without gaps, over all segments.
const (
	blockSize   = 4096
	frameHeader = 24
)

var zeroBlock [blockSize]byte

// frame gathers records until the writer takes it.
type frame struct {
	Write
	buf []byte // room for the header, then the payload
}

// Write is a change on its way to the disk.
type Write struct {
	done chan struct{}
	err  error // valid when done is closed
}

// Done is closed when the outcome is known.
func (w *Write) Done() <-chan struct{} { return w.done }

// Err returns the outcome. It may be called when Done is closed. Nil: the change
// is durable. Otherwise its outcome is unknown and the log takes no more changes.
func (w *Write) Err() error { return w.err }

// Wait waits for the outcome, however long it takes, and returns it.
func (w *Write) Wait() error {
	<-w.done
	return w.err
}

// sealFrame completes buf, which holds a payload behind room for the header.
func sealFrame(buf []byte, s *segment, number uint64) []byte {
	n := len(buf)
	binary.BigEndian.PutUint32(buf[4:], uint32(n-frameHeader))
	binary.BigEndian.PutUint64(buf[8:], number)
	binary.BigEndian.PutUint64(buf[16:], s.seq)
	binary.BigEndian.PutUint32(buf, crc32.Update(s.seed, castagnoli, buf[4:]))
	return append(buf, zeroBlock[:-n&(blockSize-1)]...)
}

// framed is the space that a payload takes in a segment.
func framed(payload int) int64 {
	return int64(frameHeader+payload+blockSize-1) &^ (blockSize - 1)
}

// frameAt reads the frame that begins at off of s; ok is false if there is
// nothing but damage, free space or the rest of an earlier life of the file.
// The payload is valid until r is used again.
func frameAt(r *reader, s *segment, off int64) (number uint64, payload []byte, ok bool, err error) {
	head, err := r.at(off, frameHeader)
	if err != nil || len(head) < frameHeader {
		return 0, nil, false, err
	}
	n := binary.BigEndian.Uint32(head[4:])
	if n == 0 || off+framed(int(n)) > s.size || binary.BigEndian.Uint64(head[16:]) != s.seq {
		return 0, nil, false, nil
	}
	b, err := r.at(off, frameHeader+int(n))
	if err != nil || len(b) < frameHeader+int(n) {
		return 0, nil, false, err
	}
	if binary.BigEndian.Uint32(b) != crc32.Update(s.seed, castagnoli, b[4:]) {
		return 0, nil, false, nil
	}
	return binary.BigEndian.Uint64(b[8:]), b[frameHeader:], true, nil
}
