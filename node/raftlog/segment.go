package raftlog

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
	"strconv"
	"strings"

	"github.com/cockroachdb/pebble/v2/vfs"

	"cairn/store"
)

// segment is a file of the log. Its first block is the header, frames follow. A
// file that is not in use any more is given a new header and a new life; the
// salt in it, which the checksum of every frame begins with, makes what is left
// of the earlier life invalid.
//
// Header, two copies in the block: "cairnlog" | u8 format | 3 zero | u64 seq |
// u64 salt | u64 number of the first frame | u64 head | u32 crc32c.
type segment struct {
	f    vfs.File
	num  int   // names the file
	size int64 // that the file may grow to

	seq   uint64 // of this life; contiguous over the segments in use
	salt  uint64
	first uint64 // the number of the first frame
	head  uint64 // the oldest segment that was in use when this life began
	seed  uint32 // the checksum of the salt

	// Guarded by Log.mu:
	live    int64 // bytes of records that are in the log
	readers int   // the file must not begin a new life
}

const (
	headerMagic  = "cairnlog"
	headerFormat = 1
	headerUsed   = 48
	headerCopy   = blockSize / 2 // where the second copy is
	fileSuffix   = ".log"
)

func fileName(num int) string { return fmt.Sprintf("%06d%s", num, fileSuffix) }

// fileNumber reads what fileName wrote.
func fileNumber(name string) (num int, ok bool) {
	digits, ok := strings.CutSuffix(name, fileSuffix)
	num, err := strconv.Atoi(digits)
	return num, ok && err == nil && num > 0
}

// begin gives the segment a new life, in memory.
func (s *segment) begin(seq, salt, first, head uint64) {
	s.seq, s.salt, s.first, s.head = seq, salt, first, head
	s.seed = crc32.Checksum(binary.BigEndian.AppendUint64(nil, salt), castagnoli)
}

func (s *segment) header() []byte {
	b := append(make([]byte, 0, headerUsed), headerMagic...)
	b = append(b, headerFormat, 0, 0, 0)
	for _, v := range []uint64{s.seq, s.salt, s.first, s.head} {
		b = binary.BigEndian.AppendUint64(b, v)
	}
	b = b[:headerUsed]
	putSum(b)
	block := make([]byte, blockSize)
	copy(block, b)
	copy(block[headerCopy:], b)
	return block
}

// putSum completes a copy of a header.
func putSum(b []byte) { binary.BigEndian.PutUint32(b[headerUsed-4:], headerSum(b)) }

func headerSum(b []byte) uint32 { return crc32.Checksum(b[:headerUsed-4], castagnoli) }

// readHeader reads the header of a file; ok is false if it has none. Of two
// copies one is enough: bits rot in one at a time.
func (s *segment) readHeader() (ok bool, err error) {
	block := make([]byte, blockSize)
	if n, err := s.f.ReadAt(block, 0); err != nil && err != io.EOF {
		return false, fmt.Errorf("read raft log %s: %w", fileName(s.num), err)
	} else if n < blockSize {
		return false, nil
	}
	for _, b := range [][]byte{block[:headerUsed], block[headerCopy : headerCopy+headerUsed]} {
		if string(b[:8]) != headerMagic || binary.BigEndian.Uint32(b[headerUsed-4:]) != headerSum(b) {
			continue
		}
		if b[8] != headerFormat {
			return false, &store.Error{
				Op: "open raft log", Kind: store.KindUnknownFormat, Resource: fmt.Sprintf("%s format %d", fileName(s.num), b[8]),
				Hint: "this node runs an older version than the one that wrote the log: upgrade it",
			}
		}
		u64 := func(i int) uint64 { return binary.BigEndian.Uint64(b[12+8*i:]) }
		s.begin(u64(0), u64(1), u64(2), u64(3))
		return true, nil
	}
	return false, nil
}

// reader reads a segment in large steps.
type reader struct {
	f   vfs.File
	buf []byte
	off int64 // of buf in the file
}

const readStep = 256 << 10

// at returns n bytes at off, or as many as there are, valid until the next call.
func (r *reader) at(off int64, n int) ([]byte, error) {
	if off < r.off || off+int64(n) > r.off+int64(len(r.buf)) {
		if want := max(n, readStep); cap(r.buf) < want {
			r.buf = make([]byte, want)
		} else {
			r.buf = r.buf[:want]
		}
		got, err := r.f.ReadAt(r.buf, off)
		r.buf, r.off = r.buf[:got], off
		if err != nil && err != io.EOF {
			return nil, fmt.Errorf("read raft log: %w", err)
		}
	}
	b := r.buf[off-r.off:]
	return b[:min(n, len(b))], nil
}
