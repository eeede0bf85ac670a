package disk

import (
	"encoding/binary"
	"hash/crc32"
	"io"

	"cairn/internal/arena"
)

// scanned is a record that a scan came across. Its owner key is valid until the
// next step.
type scanned struct {
	header
	place
	end   int64  // where the record ends
	whole bool   // every sum is right; set by verify only
	crc   uint32 // of the data, if whole
}

// scanner walks the records of a segment and steps over damage: behind it, it
// goes on at the next header whose sum is right for the place it stands in.
type scanner struct {
	seg  *segment
	salt salt
	pos  int64
	size int64

	window []byte // pooled
	start  int64  // of the window in the file
	fill   int
	err    error // a read error; those bytes count as damaged
}

const scanWindow = 256 << 10

// newScanner scans seg from offset from to size. Close it.
func newScanner(seg *segment, salt salt, from, size int64) *scanner {
	from = max(from, segmentHeader)
	return &scanner{seg: seg, salt: salt, pos: alignUp(from, 0), size: size, window: arena.Get(scanWindow)}
}

func (s *scanner) close() { arena.Put(s.window) }

// bytes returns up to n bytes at off, fewer at the end of the segment or where
// the device does not give them. n ≤ scanWindow.
func (s *scanner) bytes(off int64, n int) []byte {
	n = int(min(int64(n), s.size-off))
	if n <= 0 {
		return nil
	}
	if off < s.start || off+int64(n) > s.start+int64(s.fill) {
		want := int(min(int64(len(s.window)), s.size-off))
		got, err := s.seg.file.ReadAt(s.window[:want], off)
		if err != nil && err != io.EOF {
			s.err = err
		}
		s.start, s.fill = off, got
	}
	b := s.window[off-s.start : s.fill]
	return b[:min(n, len(b))]
}

// next returns the next record with a valid header, or false at the end.
func (s *scanner) next() (rec scanned, ok bool) {
	for ; s.pos < s.size; s.pos += smallAlign {
		b := s.bytes(s.pos, 4)
		if len(b) < 4 || binary.BigEndian.Uint32(b) != recordMagic {
			continue
		}
		p := place{s.seg.num, uint32(s.pos)}
		h, valid := s.salt.decodeHeader(s.bytes(s.pos, maxHeader), p)
		if !valid {
			continue
		}
		rec = scanned{header: h, place: p, end: s.pos + int64(h.recordSize())}
		s.pos = alignUp(rec.end, 0)
		return rec, true
	}
	return rec, false
}

// verify reads the whole record and sets rec.whole and rec.crc. The owner key is
// invalid afterwards. When the record is damaged, the scan goes on right behind
// its header: its length may be all that is wrong with it.
func (s *scanner) verify(rec *scanned) {
	hdr := append([]byte(nil), s.bytes(int64(rec.off), rec.header.size)...)
	data := int64(rec.off) + int64(rec.header.size)
	sums := append([]byte(nil), s.bytes(data+int64(rec.dataLen), 4*blocks(rec.dataLen)+4)...)
	body, stored := splitTail(sums)
	rec.whole = len(sums) == 4*blocks(rec.dataLen)+4 && s.salt.recordCRC(rec.place, hdr, body) == stored
	for done := 0; rec.whole && done < rec.dataLen; done += BlockSize {
		n := min(BlockSize, rec.dataLen-done)
		b := s.bytes(data+int64(done), n)
		crc := crc32.Checksum(b, castagnoli)
		rec.whole = len(b) == n && crc == binary.BigEndian.Uint32(body[done/BlockSize*4:])
		rec.crc = JoinCRC(rec.crc, crc, n)
	}
	if !rec.whole {
		s.pos = alignUp(data, 0)
	}
}

// splitTail cuts the record sum off the block sums.
func splitTail(sums []byte) (blockSums []byte, recordSum uint32) {
	if len(sums) < 4 {
		return nil, 0
	}
	n := len(sums) - 4
	return sums[:n], binary.BigEndian.Uint32(sums[n:])
}
