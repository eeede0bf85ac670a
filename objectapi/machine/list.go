package machine

import (
	"crypto/md5"

	"cairn/objectapi/checksum"
	"cairn/store"
)

// Entry is an object in a listing.
type Entry struct {
	Key          string
	Size         int64
	Modified     store.Time
	ETag         string // without quotes
	Owner        string
	StorageClass string // empty: STANDARD
	Algorithm    checksum.Algorithm
	Type         checksum.Type
}

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
	e := newEncoder()
	next, err := s.run(rd, func(it store.Iterator) error {
		r, err := decodeObjRec(it.Value())
		if err != nil {
			return err
		}
		e.u8(markRow)
		e.bytes(it.Key())
		e.entry(r)
		return nil
	}, e.group)
	if err != nil {
		return nil, err
	}
	e.u8(markEnd)
	e.optional(next)
	return e.b, nil
}

func (e *encoder) group(g []byte) {
	e.u8(markGroup)
	e.bytes(g)
}

func (e *encoder) entry(r *objRec) {
	e.u64(uint64(r.Size))
	e.u64(uint64(r.Modified))
	e.raw(r.MD5[:])
	e.u16(uint16(r.Parts))
	e.str(r.Override)
	e.str(r.Owner)
	e.str(r.StorageClass)
	e.u8(uint8(r.Checksum.Algorithm))
	e.u8(uint8(r.Checksum.Type))
}

func (d *decoder) entry() (x Entry) {
	x.Key = d.str()
	x.Size = d.size()
	x.Modified = d.time()
	var sum [md5.Size]byte
	copy(sum[:], d.take(md5.Size))
	parts := int(d.u16())
	x.ETag = etag(sum, parts, d.str())
	x.Owner, x.StorageClass = d.str(), d.str()
	x.Algorithm, x.Type = d.algorithm(), checksum.Type(d.u8())
	return x
}
