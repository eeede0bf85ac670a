package store

import (
	"encoding/binary"
	"fmt"
)

// Ref is what a row keeps of a blob: its id, its payload length in bytes and
// the crc32c of the payload.
type Ref struct {
	Blob BlobID
	Len  uint32
	CRC  uint32
}

// Placed is the receipt of [Blobs.Put]. It goes unchanged into the [Rows.Do]
// that first refers to the blob: the engine records in that same command which
// shards are still owed (Missing, a bit a shard) and under which generation of
// the placement group (Gen) they were written.
type Placed struct {
	Ref
	Gen     uint32
	Missing uint16
}

// refsFormat is the first byte of an encoded list of refs.
const refsFormat = 1

// maxRefs bounds a decoded list: a 5 GiB part has 640 blobs.
const maxRefs = 1 << 16

// AppendRefs appends the compact encoding of refs to dst. Blobs of one stream
// share writer and second and count upwards, and reuse few placement groups,
// so an entry after the first costs about 12 bytes instead of 24.
//
// Format 1: u8 format | uvarint count | per ref: uvarint back (0: a new u32 pg
// follows; i: the pg of the i-th ref before) | svarint Δcreated | svarint
// Δwriter | svarint Δseq | uvarint len | u32 crc.
func AppendRefs(dst []byte, refs []Ref) []byte {
	dst = append(dst, refsFormat)
	dst = binary.AppendUvarint(dst, uint64(len(refs)))
	var prev BlobID
	for i, r := range refs {
		back := pgBack(refs, i)
		dst = binary.AppendUvarint(dst, uint64(back))
		if back == 0 {
			dst = binary.BigEndian.AppendUint32(dst, r.Blob.PG())
		}
		dst = binary.AppendVarint(dst, int64(r.Blob.Created())-int64(prev.Created()))
		dst = binary.AppendVarint(dst, int64(r.Blob.Writer())-int64(prev.Writer()))
		dst = binary.AppendVarint(dst, int64(r.Blob.Seq())-int64(prev.Seq()))
		dst = binary.AppendUvarint(dst, uint64(r.Len))
		dst = binary.BigEndian.AppendUint32(dst, r.CRC)
		prev = r.Blob
	}
	return dst
}

// pgBack returns how many refs before i the same placement group was last
// used, looking back at most 127 so that the distance fits one byte.
func pgBack(refs []Ref, i int) int {
	for d := 1; d <= 127 && d <= i; d++ {
		if refs[i-d].Blob.PG() == refs[i].Blob.PG() {
			return d
		}
	}
	return 0
}

// DecodeRefs reads a list that [AppendRefs] wrote and returns what follows it.
// Damaged input gives an error of [KindCorrupt], an unknown format one of
// [KindUnknownFormat].
func DecodeRefs(b []byte) (refs []Ref, rest []byte, err error) {
	d := refDecoder{b: b}
	if f := d.byte(); f != refsFormat && !d.bad {
		return nil, nil, &Error{Op: "decode refs", Kind: KindUnknownFormat, Resource: fmt.Sprintf("ref list format %d", f)}
	}
	n := d.uvarint()
	if n > maxRefs {
		d.bad = true
	}
	var prev BlobID
	for i := 0; i < int(n) && !d.bad; i++ {
		pg := d.pg(refs)
		created := int64(prev.Created()) + d.varint()
		writer := int64(prev.Writer()) + d.varint()
		seq := int64(prev.Seq()) + d.varint()
		r := Ref{Blob: MakeBlobID(pg, uint32(created), uint32(writer), uint32(seq))}
		r.Len = uint32(d.uvarint())
		r.CRC = d.u32()
		refs, prev = append(refs, r), r.Blob
	}
	if d.bad {
		return nil, nil, &Error{Op: "decode refs", Kind: KindCorrupt, Resource: "ref list"}
	}
	return refs, d.b, nil
}

// refDecoder reads fields off b; bad is set, and zeroes come back, once b is
// exhausted.
type refDecoder struct {
	b   []byte
	bad bool
}

func (d *refDecoder) take(n int) []byte {
	if n <= 0 || len(d.b) < n {
		d.bad = true
		return make([]byte, 4)
	}
	out := d.b[:n]
	d.b = d.b[n:]
	return out
}

func (d *refDecoder) byte() byte  { return d.take(1)[0] }
func (d *refDecoder) u32() uint32 { return binary.BigEndian.Uint32(d.take(4)) }

func (d *refDecoder) uvarint() uint64 {
	v, n := binary.Uvarint(d.b)
	d.take(n)
	return v
}

func (d *refDecoder) varint() int64 {
	v, n := binary.Varint(d.b)
	d.take(n)
	return v
}

func (d *refDecoder) pg(before []Ref) uint32 {
	back := int(d.uvarint())
	if back == 0 {
		return d.u32()
	}
	if back < 0 || back > len(before) {
		d.bad = true
		return 0
	}
	return before[len(before)-back].Blob.PG()
}
