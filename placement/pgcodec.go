package placement

import (
	"encoding/binary"

	"cairn/store"
)

// pgFormat is the first byte of a placement group's row.
const pgFormat = 1

// pgFixed is the length of a row without holders and prev.
const pgFixed = 10

// AppendPG appends the row's value to dst; the id is in the key.
//
// Format 1: u8 format | u16 policy | u8 state | u8 class | u32 gen | u8 n |
// n × u32 holders | n × u32 prev (0: none).
func AppendPG(dst []byte, p *PG) []byte {
	dst = append(dst, pgFormat)
	dst = binary.BigEndian.AppendUint16(dst, uint16(p.Policy))
	dst = append(dst, byte(p.State), byte(p.Class))
	dst = binary.BigEndian.AppendUint32(dst, p.Gen)
	dst = append(dst, byte(len(p.Holders)))
	for _, d := range p.Holders {
		dst = binary.BigEndian.AppendUint32(dst, uint32(d))
	}
	for i := range p.Holders {
		dst = binary.BigEndian.AppendUint32(dst, uint32(p.PrevOf(i)))
	}
	return dst
}

// DecodePG reads what [AppendPG] wrote. Damaged input gives an error of
// [store.KindCorrupt], a newer format one of [store.KindUnknownFormat].
func DecodePG(id PGID, b []byte) (PG, error) {
	// The length follows from n, and everything is checked before anything is made
	// of it: rows come from other nodes.
	const op = "decode placement group"
	if len(b) > 0 && b[0] != pgFormat {
		return PG{}, store.Errorf(store.KindUnknownFormat, op, "group %d has format %d", id, b[0])
	}
	if len(b) < pgFixed || b[9] == 0 || b[9] > MaxShards || len(b) != pgFixed+8*int(b[9]) {
		return PG{}, store.Errorf(store.KindCorrupt, op, "group %d has %d bytes", id, len(b))
	}
	p := PG{
		ID: id, Policy: PolicyID(binary.BigEndian.Uint16(b[1:])), State: State(b[3]), Class: PGClass(b[4]),
		Gen: binary.BigEndian.Uint32(b[5:]),
	}
	if p.State > StateRetired || p.Class > PGFallback {
		return PG{}, store.Errorf(store.KindCorrupt, op, "group %d has state %d, class %d", id, p.State, p.Class)
	}
	// Prev without any disk is nil, so that rows are equal when their bytes are.
	n := int(b[9])
	p.Holders = decodeDisks(b[pgFixed:], n)
	if prev := decodeDisks(b[pgFixed+4*n:], n); anyDisk(prev) {
		p.Prev = prev
	}
	return p, nil
}

func decodeDisks(b []byte, n int) []DiskID {
	out := make([]DiskID, n)
	for i := range out {
		out[i] = DiskID(binary.BigEndian.Uint32(b[4*i:]))
	}
	return out
}
