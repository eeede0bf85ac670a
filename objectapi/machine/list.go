package machine

import (
	"bytes"
	"crypto/md5"
	"sync"

	"cairn/objectapi/checksum"
	"cairn/store"
)

// Entry is an object in a listing.
type Entry struct {
	Key          string
	Size         int64
	Modified     store.Time
	MD5          [md5.Size]byte // as in a Record, and so Parts and Override
	Parts        int
	Override     string
	Owner        string
	StorageClass string // empty: STANDARD
	Algorithm    checksum.Algorithm
	Type         checksum.Type
}

// ETag returns the entity tag without quotes.
func (x *Entry) ETag() string { return etag(x.MD5, x.Parts, x.Override) }

const listing = "list objects"

// Marks in the reply of a listing.
const (
	markEnd   = 0
	markRow   = 1
	markGroup = 2
)

// readList answers one page of one range.
//
// Format 1: header | scan. Reply: u8 format | entries, each u8 mark and a key
// or group, a key followed by its fields; u8 0 | u8 further range, its first
// key.
func readList(rd store.Reader, d *decoder) ([]byte, error) {
	s := d.scan(colHead)
	if err := d.finish(store.KindInvalid, listing); err != nil {
		return nil, err
	}
	e := pageEncoders.Get().(*encoder)
	defer pageEncoders.Put(e)
	e.b = append(e.b[:0], formatV1)
	var row listedRow
	next, err := s.run(rd, func(it store.Iterator) error {
		if err := row.decode(it.Value()); err != nil {
			return err
		}
		e.u8(markRow)
		e.bytes(it.Key())
		e.entry(&row)
		return nil
	}, e.group)
	if err != nil {
		return nil, err
	}
	e.u8(markEnd)
	e.optional(next)
	return bytes.Clone(e.b), nil
}

// pageEncoders have room for a page, of which only the end tells the size.
var pageEncoders = sync.Pool{New: func() any { return &encoder{} }}

func (e *encoder) group(g []byte) {
	e.u8(markGroup)
	e.bytes(g)
}

// listedRow is what a listing says of a head row.
type listedRow struct {
	rec                    objRec // its fixed fields
	override, owner, class []byte // fields of the row, which they alias
}

// decode reads the row. It is decodeObjRec without copies of what a listing
// does not show.
func (r *listedRow) decode(b []byte) error {
	*r = listedRow{}
	d := newDecoder(b)
	if err := d.objHead(&r.rec); err != nil {
		return err
	}
	d.eachField(func(tag tlv, value []byte) bool {
		switch tag {
		case tlvOverride:
			r.override = value
		case tlvOwner:
			r.owner = value
		case tlvStorageClass:
			r.class = value
		case tlvChecksum:
			r.rec.Checksum = decodeChecksum(value, &d.bad)
		default:
			return tag < tlvOwner
		}
		return true
	})
	return d.finish(store.KindCorrupt, "object row")
}

func (e *encoder) entry(r *listedRow) {
	e.u64(uint64(r.rec.Size))
	e.u64(uint64(r.rec.Modified))
	e.raw(r.rec.MD5[:])
	e.u16(uint16(r.rec.Parts))
	e.bytes(r.override)
	e.bytes(r.owner)
	e.bytes(r.class)
	e.u8(uint8(r.rec.Checksum.Algorithm))
	e.u8(uint8(r.rec.Checksum.Type))
}

func (d *decoder) entry() (x Entry) {
	x.Key = d.str()
	x.Size = d.size()
	x.Modified = d.time()
	copy(x.MD5[:], d.take(md5.Size))
	x.Parts = int(d.u16())
	x.Override = d.str()
	x.Owner, x.StorageClass = d.str(), d.str()
	x.Algorithm, x.Type = d.algorithm(), checksum.Type(d.u8())
	return x
}
