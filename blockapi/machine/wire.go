package machine

import (
	"encoding/binary"
	"fmt"

	"cairn/store"
)

// formatV1 is the first byte of every row, command, query and reply.
const formatV1 = 1

// wirer is a value with a stored form. Its wire method names the fields once,
// in order; whether they are written or read is the coder's affair.
type wirer interface{ wire(*coder) }

// coder appends fields to b, or reads them off it. Integers are big-endian,
// lengths are uvarints. A reader whose input is exhausted or malformed sets bad
// and gives zeroes; who reads asks once, at the end, with finish.
type coder struct {
	b       []byte
	reading bool
	bad     bool
	format  uint8 // the format byte met
}

func encode(v wirer) []byte {
	c := &coder{b: append(make([]byte, 0, 64), formatV1)}
	v.wire(c)
	return c.b
}

// newReader starts reading at the format byte.
func newReader(b []byte) *coder {
	c := &coder{b: b, reading: true}
	c.u8(&c.format)
	return c
}

// decode reads the whole of b into v. Malformed input gives an error of the
// given kind, and one of a format that is not known, [store.KindUnknownFormat].
func decode(b []byte, v wirer, kind store.ErrKind, what string) error {
	c := newReader(b)
	if c.format == formatV1 {
		v.wire(c)
	}
	return c.finish(kind, what)
}

func (c *coder) finish(kind store.ErrKind, what string) error {
	if c.format > formatV1 {
		return unknownFormat(what, c.format)
	}
	if c.bad || c.format != formatV1 || len(c.b) != 0 {
		return &store.Error{Op: "decode", Kind: kind, Reason: ReasonMalformed, Resource: what}
	}
	return nil
}

// unknownFormat is the error that makes a replica halt rather than guess.
func unknownFormat(what string, format uint8) error {
	return &store.Error{
		Op: "decode", Kind: store.KindUnknownFormat, Resource: fmt.Sprintf("%s format %d", what, format),
		Hint: "it was written by a newer version; upgrade this node",
	}
}

var zeroes [16]byte

// take returns the next n bytes. When they are not there, it returns zeroes to
// readers of fixed sizes and nil to others.
func (c *coder) take(n int) []byte {
	if n < 0 || n > len(c.b) {
		c.fail()
		if n < 0 || n > len(zeroes) {
			return nil
		}
		return zeroes[:n]
	}
	out := c.b[:n:n]
	c.b = c.b[n:]
	return out
}

// fail ends the reading.
func (c *coder) fail() { c.bad, c.b = true, nil }

// require makes what is being read malformed unless ok.
func (c *coder) require(ok bool) {
	if c.reading && !ok {
		c.fail()
	}
}

func (c *coder) u8(v *uint8)   { num8(c, v) }
func (c *coder) u32(v *uint32) { num32(c, v) }

func (c *coder) u64(v *uint64) {
	if c.reading {
		*v = binary.BigEndian.Uint64(c.take(8))
		return
	}
	c.b = binary.BigEndian.AppendUint64(c.b, *v)
}

// time codes a group time; zero is never.
func (c *coder) time(v *store.Time) {
	u := uint64(*v)
	c.u64(&u)
	*v = store.Time(u & (1<<63 - 1))
}

func (c *coder) uvarint(v *uint64) {
	if !c.reading {
		c.b = binary.AppendUvarint(c.b, *v)
		return
	}
	u, n := binary.Uvarint(c.b)
	if n <= 0 {
		c.fail()
		return
	}
	*v, c.b = u, c.b[n:]
}

func (c *coder) bool(v *bool) {
	var u uint8
	if *v {
		u = 1
	}
	num8(c, &u)
	c.require(u <= 1)
	*v = u == 1
}

// bytes codes at most so many bytes. Those read alias the input.
func (c *coder) bytes(v *[]byte, most int) {
	n := uint64(len(*v))
	c.uvarint(&n)
	if !c.reading {
		c.b = append(c.b, *v...)
		return
	}
	c.require(n <= uint64(most))
	if *v = nil; n > 0 && !c.bad {
		*v = c.take(int(n))
	}
}

func (c *coder) str(v *string, most int) {
	b := []byte(*v)
	c.bytes(&b, most)
	*v = string(b)
}

func (c *coder) blob(v *store.BlobID) {
	if c.reading {
		copy(v[:], c.take(len(v)))
		return
	}
	c.b = append(c.b, v[:]...)
}

// refs codes at most so many refs.
func (c *coder) refs(v *[]store.Ref, most int) {
	if !c.reading {
		c.b = store.AppendRefs(c.b, *v)
		return
	}
	if c.bad {
		return
	}
	refs, rest, err := store.DecodeRefs(c.b)
	switch {
	case err != nil && store.Is(err, store.KindUnknownFormat):
		c.format = max(c.b[0], formatV1+1)
		c.fail()
	case err != nil || len(refs) > most:
		c.fail()
	default:
		*v, c.b = refs, rest
	}
}
