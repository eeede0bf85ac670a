package disk

import (
	"encoding/binary"
	"hash/crc32"

	"cairn/store"
)

const (
	recordMagic  = 0xCA12D5E6
	recordFormat = 1

	// MaxShard is the largest shard: a whole blob, when it is kept as copies.
	MaxShard = store.MaxBlob
	// MaxKey is the longest owner key.
	MaxKey = 1024

	fixedHeader = 43 // before the key
	maxHeader   = fixedHeader + MaxKey + 4

	// punchMin is the smallest shard whose pages are given back on delete.
	punchMin   = 64 << 10
	pageSize   = 4096
	smallAlign = 64
)

// ShardID names one shard of a blob.
type ShardID struct {
	Blob  store.BlobID
	Index uint8
}

// Shard describes a shard: what its record's header says.
type Shard struct {
	ShardID
	K, M    uint8  // the code: data shards and parity shards
	BlobLen uint32 // payload bytes of the blob
	Owner   store.Owner
}

// check reports what makes a description unacceptable, or "".
func (s *Shard) check() string {
	switch {
	case s.K == 0 || int(s.K)+int(s.M) > 255:
		return "code out of range"
	case int(s.Index) >= int(s.K)+int(s.M):
		return "shard index outside the code"
	case s.BlobLen == 0 || s.BlobLen > store.MaxBlob:
		return "blob length out of range"
	case len(s.Owner.Key) > MaxKey:
		return "owner key too long"
	}
	return ""
}

// place is a record's position.
type place struct {
	seg, off uint32
}

func (p place) before(q place) bool { return p.seg < q.seg || p.seg == q.seg && p.off < q.off }

// header is a decoded record header.
type header struct {
	Shard
	dataLen int
	size    int // of the header in bytes, hdr_crc included
}

func (h *header) recordSize() int { return recordSize(h.size, h.dataLen) }

// recordSize returns the bytes of a record: header, data, sums.
func recordSize(hdr, data int) int { return hdr + data + 4*blocks(data) + 4 }

// alignUp returns where a record with dataLen bytes may begin at or behind off.
func alignUp(off int64, dataLen int) int64 {
	a := int64(smallAlign)
	if dataLen >= punchMin {
		a = pageSize
	}
	return (off + a - 1) &^ (a - 1)
}

// salt is what makes records valid on one disk and in one place only.
type salt struct {
	header, record uint32
}

func newSalt(uuid [16]byte) salt {
	return salt{
		header: crc32.Checksum(uuid[:8], castagnoli),
		record: crc32.Checksum(uuid[8:], castagnoli),
	}
}

// at returns the starting values of hdr_crc and rec_crc of a record at p.
func (s salt) at(p place) (hdr, rec uint32) {
	var b [8]byte
	binary.BigEndian.PutUint32(b[:], p.seg)
	binary.BigEndian.PutUint32(b[4:], p.off)
	return crc32.Update(s.header, castagnoli, b[:]), crc32.Update(s.record, castagnoli, b[:])
}

// appendHeader appends the header of a record at p.
func (s salt) appendHeader(dst []byte, p place, sh *Shard, dataLen int) []byte {
	start := len(dst)
	dst = binary.BigEndian.AppendUint32(dst, recordMagic)
	dst = append(dst, recordFormat, sh.Index, sh.K, sh.M)
	dst = append(dst, sh.Blob[:]...)
	dst = binary.BigEndian.AppendUint32(dst, sh.BlobLen)
	dst = binary.BigEndian.AppendUint32(dst, uint32(dataLen))
	dst = append(dst, byte(sh.Owner.NS.Kind()))
	dst = binary.BigEndian.AppendUint64(dst, uint64(sh.Owner.NS))
	dst = binary.BigEndian.AppendUint16(dst, uint16(len(sh.Owner.Key)))
	dst = append(dst, sh.Owner.Key...)
	seed, _ := s.at(p)
	return binary.BigEndian.AppendUint32(dst, crc32.Update(seed, castagnoli, dst[start:]))
}

// recordCRC returns rec_crc of a record at p.
func (s salt) recordCRC(p place, hdr, sums []byte) uint32 {
	_, seed := s.at(p)
	return crc32.Update(crc32.Update(seed, castagnoli, hdr), castagnoli, sums)
}

// decodeHeader reads the header of a record at p from the front of b; ok is
// false when no valid header stands there. The result's key aliases b.
func (s salt) decodeHeader(b []byte, p place) (h header, ok bool) {
	if len(b) < fixedHeader+4 || binary.BigEndian.Uint32(b) != recordMagic || b[4] != recordFormat {
		return h, false
	}
	keyLen := int(binary.BigEndian.Uint16(b[41:]))
	h.size = fixedHeader + keyLen + 4
	if keyLen > MaxKey || len(b) < h.size {
		return h, false
	}
	seed, _ := s.at(p)
	end := fixedHeader + keyLen
	if crc32.Update(seed, castagnoli, b[:end]) != binary.BigEndian.Uint32(b[end:]) {
		return h, false
	}
	h.Index, h.K, h.M = b[5], b[6], b[7]
	copy(h.Blob[:], b[8:])
	h.BlobLen = binary.BigEndian.Uint32(b[24:])
	h.dataLen = int(binary.BigEndian.Uint32(b[28:]))
	h.Owner = store.Owner{NS: store.NS(binary.BigEndian.Uint64(b[33:])), Key: b[fixedHeader:end]}
	valid := h.check() == "" && h.dataLen > 0 && h.dataLen <= MaxShard && byte(h.Owner.NS.Kind()) == b[32]
	return h, valid
}
