package machine

import (
	"cairn/objectapi/checksum"
	"cairn/store"
)

// Flags of an objRec. Numbers are stored; a set flag that this version does
// not know makes the row of an unknown format.
const (
	flagDeleteMarker = 1 << 0 // kept for versioning
	flagInline       = 1 << 1
	flagPacked       = 1 << 2 // kept for the packer
	flagMultipart    = 1 << 3
	flagEncrypted    = 1 << 4 // kept for server-side encryption
	flagDegraded     = 1 << 5 // kept; missing shards are in the host's hint rows

	knownFlags = flagInline | flagMultipart
)

// objRec is the value of a head row.
//
// Format 1: u8 format | u8 flags | u16 class | u64 size | u64 modified ms |
// 12 B version | 16 B MD5 | u16 parts | u8 body kind, body | fields.
type objRec struct {
	Record
	body body
}

// flags are derived, so that they cannot contradict the fields; they are stored
// for readers that look at the first bytes of a row only.
func (r *objRec) flags() uint8 {
	var f uint8
	if r.body.kind == bodyInline {
		f |= flagInline
	}
	if r.Parts > 0 {
		f |= flagMultipart
	}
	return f
}

func (r *objRec) encode() []byte {
	e := newEncoderFor(len(r.body.inline))
	e.u8(r.flags())
	e.u16(uint16(r.Class))
	e.u64(uint64(r.Size))
	e.u64(uint64(r.Modified))
	e.raw(r.Version[:])
	e.raw(r.MD5[:])
	e.u16(uint16(r.Parts))
	e.body(&r.body)
	e.meta(&r.Meta)
	e.text(tlvOverride, r.Override)
	if c := r.Checksum; c.Algorithm != checksum.None {
		var inner encoder
		inner.u8(uint8(c.Type))
		inner.sum(c.Algorithm, c.Sum)
		e.u8(uint8(tlvChecksum))
		e.bytes(inner.b)
	}
	return e.b
}

// decodeObjRec reads a head row. Its byte slices alias b.
func decodeObjRec(b []byte) (*objRec, error) {
	d := newDecoder(b)
	r := &objRec{}
	if err := d.objHead(r); err != nil {
		return nil, err
	}
	d.fields(&r.Meta, func(tag tlv, value []byte) bool {
		switch tag {
		case tlvOverride:
			r.Override = string(value)
		case tlvChecksum:
			r.Checksum = decodeChecksum(value, &d.bad)
		default:
			return false
		}
		return true
	})
	return r, d.finish(store.KindCorrupt, "object row")
}

// objHead reads what comes before the optional fields of a head row.
func (d *decoder) objHead(r *objRec) error {
	flags := d.u8()
	if flags&^knownFlags != 0 {
		return unknownFormat("object row flags", flags)
	}
	r.Class = d.class()
	r.Size = d.size()
	r.Modified = d.time()
	copy(r.Version[:], d.take(len(r.Version)))
	copy(r.MD5[:], d.take(len(r.MD5)))
	r.Parts = int(d.u16())
	r.body = d.body()
	d.bad = d.bad || flags != r.flags() || r.Parts > MaxParts
	return nil
}

// class reads a placement class, which has two bytes in rows.
func (d *decoder) class() store.Class {
	v := d.u16()
	d.bad = d.bad || v > 0xFF
	return store.Class(v)
}

// decodeChecksum reads the field of a checksum: u8 type | u8 algorithm | sum.
func decodeChecksum(b []byte, bad *bool) Checksum {
	d := decoder{b: b}
	c := Checksum{Type: checksum.Type(d.u8())}
	c.Algorithm, c.Sum = d.sum()
	*bad = *bad || d.bad || len(d.b) > 0 || c.Type > checksum.Composite || c.Algorithm == checksum.None
	return c
}

// info returns what a command that made the object says of it.
func (r *objRec) info() *Info {
	return &Info{Version: r.Version, Modified: r.Modified, Size: r.Size, ETag: r.ETag(), Checksum: r.Checksum}
}

// loadHead returns the current object of key, nil if there is none.
func loadHead(rd store.Reader, key []byte) (*objRec, error) {
	v, ok, err := rd.Get(colHead, key, nil)
	if err != nil || !ok {
		return nil, err
	}
	return decodeObjRec(v)
}
