package machine

import (
	"encoding/binary"
	"fmt"

	"cairn/objectapi/checksum"
	"cairn/store"
)

// formatV1 is the first byte of every row, command, query and reply.
const formatV1 = 1

// encoder appends fields to a byte slice. Integers are big-endian, lengths are
// uvarints.
type encoder struct{ b []byte }

// usual is room for what most messages have besides an object's bytes.
const usual = 320

func newEncoder() *encoder { return newEncoderFor(0) }

// newEncoderFor starts a message with large fields of n bytes together, which
// are not moved then as it grows.
func newEncoderFor(n int) *encoder {
	b := make([]byte, 1, usual+n)
	b[0] = formatV1
	return &encoder{b: b}
}

func (e *encoder) u8(v uint8)       { e.b = append(e.b, v) }
func (e *encoder) u16(v uint16)     { e.b = binary.BigEndian.AppendUint16(e.b, v) }
func (e *encoder) u32(v uint32)     { e.b = binary.BigEndian.AppendUint32(e.b, v) }
func (e *encoder) u64(v uint64)     { e.b = binary.BigEndian.AppendUint64(e.b, v) }
func (e *encoder) uvarint(v uint64) { e.b = binary.AppendUvarint(e.b, v) }
func (e *encoder) raw(v []byte)     { e.b = append(e.b, v...) }

func (e *encoder) bytes(v []byte) {
	e.uvarint(uint64(len(v)))
	e.raw(v)
}

func (e *encoder) str(v string) {
	e.uvarint(uint64(len(v)))
	e.b = append(e.b, v...)
}

func (e *encoder) bool(v bool) {
	if v {
		e.u8(1)
	} else {
		e.u8(0)
	}
}

// sum writes an algorithm and, unless it is none, its checksum; the length
// follows from the algorithm.
func (e *encoder) sum(a checksum.Algorithm, sum []byte) {
	e.u8(uint8(a))
	e.raw(sum)
}

func (e *encoder) pairs(ps []Pair) {
	e.uvarint(uint64(len(ps)))
	for _, p := range ps {
		e.str(p.Name)
		e.str(p.Value)
	}
}

// decoder reads fields off b. Once b is exhausted or malformed, bad is set and
// zeroes come back; the reader asks once, at the end, with finish. What it
// returns aliases b, strings excepted.
type decoder struct {
	b      []byte
	bad    bool
	format uint8  // the format byte met
	text   string // if set, all that b was: strings are cut out of it
}

// newTextDecoder is newDecoder for input of which the strings are most.
func newTextDecoder(b []byte) *decoder {
	d := newDecoder(b)
	d.text = string(b)
	return d
}

// newDecoder starts reading at the format byte.
func newDecoder(b []byte) *decoder {
	d := &decoder{b: b}
	d.format = d.u8()
	return d
}

// finish returns an error of the given kind if anything was malformed or is
// left over, and one of [store.KindUnknownFormat] if the format is not known.
func (d *decoder) finish(kind store.ErrKind, what string) error {
	if d.format > formatV1 {
		return unknownFormat(what, d.format)
	}
	if d.bad || d.format != formatV1 || len(d.b) != 0 {
		return &store.Error{Op: "decode", Kind: kind, Reason: ReasonMalformed, Resource: what}
	}
	return nil
}

// unknown makes the whole of an unknown format, because of an element (a body
// kind, a field) that a newer version must have written.
func (d *decoder) unknown(element uint8) {
	if !d.bad {
		d.format = element | 0x80
	}
	d.bad, d.b = true, nil
}

// unknownFormat is the error that makes a replica halt rather than guess. Only
// what is certainly of another version may give it: it must not be in the power
// of a malformed command.
func unknownFormat(what string, format uint8) error {
	return &store.Error{
		Op: "decode", Kind: store.KindUnknownFormat, Resource: fmt.Sprintf("%s format %d", what, format),
		Hint: "it was written by a newer version; upgrade this node",
	}
}

var zeroes [16]byte

// take returns the next n bytes. When they are not there, fixed-size readers
// still get their zeroes, and longer takes get nil.
func (d *decoder) take(n int) []byte {
	if n < 0 || n > len(d.b) {
		d.bad, d.b = true, nil
		if n < 0 || n > len(zeroes) {
			return nil
		}
		return zeroes[:n]
	}
	out := d.b[:n:n]
	d.b = d.b[n:]
	return out
}

func (d *decoder) u8() uint8   { return d.take(1)[0] }
func (d *decoder) u16() uint16 { return binary.BigEndian.Uint16(d.take(2)) }
func (d *decoder) u32() uint32 { return binary.BigEndian.Uint32(d.take(4)) }
func (d *decoder) u64() uint64 { return binary.BigEndian.Uint64(d.take(8)) }

func (d *decoder) uvarint() uint64 {
	v, n := binary.Uvarint(d.b)
	if n <= 0 {
		d.bad, d.b = true, nil
		return 0
	}
	d.b = d.b[n:]
	return v
}

// count reads a number of items of at least size bytes each.
func (d *decoder) count(size int) int {
	n := d.uvarint()
	if n > uint64(len(d.b)/size) {
		d.bad, d.b = true, nil
		return 0
	}
	return int(n)
}

func (d *decoder) bytes() []byte { return d.take(d.count(1)) }

// str reads a string: a copy, or with text a part of that.
func (d *decoder) str() string {
	b := d.bytes()
	if end := len(d.text) - len(d.b); len(b) > 0 && end >= len(b) {
		return d.text[end-len(b) : end]
	}
	return string(b)
}

func (d *decoder) bool() bool {
	v := d.u8()
	d.bad = d.bad || v > 1
	return v == 1
}

// size reads a length of data, which fits an int64.
func (d *decoder) size() int64 {
	v := d.u64()
	d.bad = d.bad || v > MaxObject
	return int64(v)
}

// time reads a group time.
func (d *decoder) time() store.Time { return store.Time(d.u64() & (1<<63 - 1)) }

func (d *decoder) algorithm() checksum.Algorithm {
	a := checksum.Algorithm(d.u8())
	if a != checksum.None && a.Size() == 0 {
		d.bad = true
		return checksum.None
	}
	return a
}

func (d *decoder) sum() (checksum.Algorithm, []byte) {
	a := d.algorithm()
	if a == checksum.None {
		return a, nil
	}
	return a, d.take(a.Size())
}

func (d *decoder) pairs() []Pair {
	n := d.count(2)
	if n == 0 {
		return nil
	}
	ps := make([]Pair, n)
	for i := range ps {
		ps[i] = Pair{Name: d.str(), Value: d.str()}
	}
	return ps
}

// refs reads a list of refs. A format that the waist does not know makes the
// whole of an unknown format.
func (d *decoder) refs() []store.Ref {
	if d.bad {
		return nil
	}
	refs, rest, err := store.DecodeRefs(d.b)
	if err != nil {
		if store.Is(err, store.KindUnknownFormat) && d.format == formatV1 {
			d.format = d.b[0]
		}
		d.bad, d.b = true, nil
		return nil
	}
	d.b = rest
	return refs
}
