package raftgroup

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"

	"github.com/cockroachdb/pebble/v2"

	"cairn/store"
)

// A snapshot on its way between nodes, format 1: u8 format | i64 time | rows |
// end. A row: uvarint key length (> 0) | key | uvarint value length | value, in
// strictly ascending key order, from column 0x02 on. The end: uvarint 0 | u64
// count of rows | u32 crc32c of all before it.
const (
	streamFormat = 1
	streamHeader = 9
	streamEnd    = 1 + 8 + 4

	maxRowKey   = 64 << 10
	maxRowValue = 32 << 20

	streamChunk = 256 << 10 // how much a reader prepares at a time
)

// streamReader writes the rows of a Pebble snapshot as a stream.
type streamReader struct {
	snap  *pebble.Snapshot
	it    *pebble.Iterator
	buf   []byte // encoded, not read yet
	crc   uint32
	count uint64
	valid bool // it stands on a row
	ended bool
}

// newStreamReader owns snap.
func newStreamReader(snap *pebble.Snapshot, id GroupID, at store.Time) (*streamReader, error) {
	lo, hi := clip(id, nil, nil)
	it, err := snap.NewIter(&pebble.IterOptions{LowerBound: lo, UpperBound: hi})
	if err != nil {
		snap.Close()
		return nil, fmt.Errorf("stream rows: %w", err)
	}
	r := &streamReader{snap: snap, it: it}
	r.buf = binary.BigEndian.AppendUint64([]byte{streamFormat}, uint64(at))
	r.valid = it.First()
	r.seal()
	return r, nil
}

// seal adds the whole buffer to the checksum.
func (r *streamReader) seal() { r.crc = crc32.Update(r.crc, castagnoli, r.buf) }

// Read implements io.Reader.
func (r *streamReader) Read(p []byte) (int, error) {
	if len(r.buf) == 0 {
		if r.ended {
			return 0, io.EOF
		}
		if err := r.fill(); err != nil {
			return 0, err
		}
	}
	n := copy(p, r.buf)
	r.buf = r.buf[n:]
	return n, nil
}

func (r *streamReader) fill() error {
	r.buf = r.buf[:0]
	for r.valid && len(r.buf) < streamChunk {
		key, value := r.it.Key()[4:], r.it.Value()
		r.buf = binary.AppendUvarint(r.buf, uint64(len(key)))
		r.buf = append(r.buf, key...)
		r.buf = binary.AppendUvarint(r.buf, uint64(len(value)))
		r.buf = append(r.buf, value...)
		r.count++
		r.valid = r.it.Next()
	}
	if r.valid {
		r.seal()
		return nil
	}
	if err := r.it.Error(); err != nil {
		return fmt.Errorf("stream rows: %w", err)
	}
	r.buf = binary.AppendUvarint(r.buf, 0)
	r.buf = binary.BigEndian.AppendUint64(r.buf, r.count)
	r.seal()
	r.buf = binary.BigEndian.AppendUint32(r.buf, r.crc)
	r.ended = true
	return nil
}

// Close implements io.Closer.
func (r *streamReader) Close() error {
	err := r.it.Close()
	if cerr := r.snap.Close(); err == nil {
		err = cerr
	}
	return err
}

// streamParser takes a stream apart as it arrives. It trusts nothing: sizes,
// order, columns and the checksum are checked.
type streamParser struct {
	onHeader func(at store.Time) error
	onRow    func(key, value []byte) error // valid during the call

	buf     []byte
	started bool
	ended   bool
	crc     uint32
	count   uint64
	last    []byte // the last key
}

func badStream(format string, args ...any) error {
	return store.Errorf(store.KindCorrupt, "receive snapshot", format, args...)
}

// write takes the next bytes.
func (p *streamParser) write(b []byte) error {
	p.buf = append(p.buf, b...)
	rest := p.buf
	for {
		n, err := p.step(rest)
		if err != nil {
			return err
		}
		if n == 0 {
			break
		}
		rest = rest[n:]
	}
	p.buf = append(p.buf[:0], rest...)
	return nil
}

// step handles the record at the start of b and returns its length, or 0 if b
// does not hold all of it.
func (p *streamParser) step(b []byte) (int, error) {
	switch {
	case len(b) == 0:
		return 0, nil
	case p.ended:
		return 0, badStream("bytes behind the end")
	case !p.started:
		return p.header(b)
	case b[0] == 0:
		return p.end(b)
	}
	return p.row(b)
}

func (p *streamParser) header(b []byte) (int, error) {
	if b[0] != streamFormat {
		return 0, store.Errorf(store.KindUnknownFormat, "receive snapshot", "stream format %d", b[0])
	}
	if len(b) < streamHeader {
		return 0, nil
	}
	p.started = true
	p.crc = crc32.Update(p.crc, castagnoli, b[:streamHeader])
	return streamHeader, p.onHeader(store.Time(binary.BigEndian.Uint64(b[1:])))
}

func (p *streamParser) row(b []byte) (int, error) {
	key, n, err := takeField(b, maxRowKey)
	if key == nil || err != nil {
		return 0, err
	}
	value, m, err := takeField(b[n:], maxRowValue)
	if value == nil || err != nil {
		return 0, err
	}
	if len(key) == 0 || key[0] < colFirst || string(key) <= string(p.last) {
		return 0, badStream("key %x is out of place", key)
	}
	p.last = append(p.last[:0], key...)
	p.crc = crc32.Update(p.crc, castagnoli, b[:n+m])
	p.count++
	return n + m, p.onRow(key, value)
}

func (p *streamParser) end(b []byte) (int, error) {
	if len(b) < streamEnd {
		return 0, nil
	}
	p.crc = crc32.Update(p.crc, castagnoli, b[:9])
	if n := binary.BigEndian.Uint64(b[1:]); n != p.count {
		return 0, badStream("%d rows came of %d", p.count, n)
	}
	if c := binary.BigEndian.Uint32(b[9:]); c != p.crc {
		return 0, badStream("checksum %08x, want %08x", p.crc, c)
	}
	p.ended = true
	return streamEnd, nil
}

// takeField reads a length and as many bytes. It returns nil if b is too short.
func takeField(b []byte, limit uint64) (field []byte, n int, err error) {
	size, w := binary.Uvarint(b)
	if w < 0 || size > limit {
		return nil, 0, badStream("a field of %d bytes", size)
	}
	if w == 0 || uint64(len(b)-w) < size {
		return nil, 0, nil
	}
	n = w + int(size)
	return b[w:n:n], n, nil
}
