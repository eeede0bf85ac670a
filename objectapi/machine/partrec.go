package machine

import (
	"crypto/md5"

	"cairn/objectapi/checksum"
	"cairn/store"
)

// partRec is the value of a part row.
//
// Format 1: u8 format | u64 size | u64 modified ms | 16 B MD5 | u8 checksum
// algorithm, checksum | u8 body kind, body.
type partRec struct {
	size     int64
	modified store.Time
	md5      [md5.Size]byte
	alg      checksum.Algorithm
	sum      []byte
	body     body
}

func (p *partRec) encode() []byte {
	e := newEncoder()
	e.u64(uint64(p.size))
	e.u64(uint64(p.modified))
	e.raw(p.md5[:])
	e.sum(p.alg, p.sum)
	e.body(&p.body)
	return e.b
}

// decodePartHead reads a part row up to its body, which stays in the decoder:
// completing an upload looks at thousands of parts and at no ref.
func decodePartHead(b []byte) (partRec, *decoder) {
	d := newDecoder(b)
	p := partRec{size: d.size(), modified: d.time()}
	copy(p.md5[:], d.take(len(p.md5)))
	p.alg, p.sum = d.sum()
	return p, d
}

// decodePartRec reads a part row. Its byte slices alias b.
func decodePartRec(b []byte) (*partRec, error) {
	p, d := decodePartHead(b)
	p.body = d.body()
	d.bad = d.bad || p.body.kind > bodyRefs
	return &p, d.finish(store.KindCorrupt, "part row")
}

// uploadRec is the value of an upload row.
//
// Format 1: u8 format | u64 initiated ms | u16 class | u8 checksum algorithm |
// u8 checksum type | fields.
type uploadRec struct {
	Meta
	initiated store.Time
	alg       checksum.Algorithm
	typ       checksum.Type
}

func (u *uploadRec) encode() []byte {
	e := newEncoder()
	e.u64(uint64(u.initiated))
	e.u16(uint16(u.Class))
	e.u8(uint8(u.alg))
	e.u8(uint8(u.typ))
	e.meta(&u.Meta)
	return e.b
}

func decodeUploadRec(b []byte) (*uploadRec, error) {
	d := newDecoder(b)
	u := &uploadRec{initiated: d.time()}
	u.Class = d.class()
	u.alg, u.typ = d.algorithm(), checksum.Type(d.u8())
	d.fields(&u.Meta, func(tlv, []byte) bool { return false })
	d.bad = d.bad || (u.alg != checksum.None) != u.typ.Allows(u.alg)
	return u, d.finish(store.KindCorrupt, "upload row")
}

// loadUpload returns the upload, or the error that there is none.
func loadUpload(rd store.Reader, op string, key []byte, id UploadID) (*uploadRec, error) {
	v, ok, err := rd.Get(colUpload, key, id[:])
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, fail(op, key, store.KindNotFound, ReasonUpload, "")
	}
	return decodeUploadRec(v)
}
