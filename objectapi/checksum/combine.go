package checksum

import (
	"encoding/binary"
	"strconv"
)

// Type says what the checksum of an object made of parts is computed over.
type Type uint8

// The types. Numbers are stored.
const (
	NoType     Type = 0
	FullObject Type = 1
	Composite  Type = 2
)

// ParseType reads the value of x-amz-checksum-type; NoType if it is none.
func ParseType(s string) Type {
	switch s {
	case "FULL_OBJECT":
		return FullObject
	case "COMPOSITE":
		return Composite
	}
	return NoType
}

// String returns the type's name in S3.
func (t Type) String() string {
	switch t {
	case FullObject:
		return "FULL_OBJECT"
	case Composite:
		return "COMPOSITE"
	}
	return ""
}

// Allows reports whether a multipart object may have a checksum of algorithm a
// and type t: CRC64NVME only as full object, SHA1 and SHA256 only as composite.
func (t Type) Allows(a Algorithm) bool {
	switch t {
	case FullObject:
		return a.IsCRC()
	case Composite:
		return a == CRC32 || a == CRC32C || a == SHA1 || a == SHA256
	}
	return false
}

// DefaultType returns the type that a multipart upload of algorithm a has if
// its maker names none.
func (a Algorithm) DefaultType() Type {
	switch a {
	case None:
		return NoType
	case CRC64NVME:
		return FullObject
	}
	return Composite
}

// CompositeOf returns the composite checksum of parts' checksums, without the
// "-N" that its printed form has ([EncodeComposite]).
func CompositeOf(a Algorithm, parts ...[]byte) []byte {
	h := a.New()
	for _, p := range parts {
		h.Write(p)
	}
	return h.Sum(nil)
}

// EncodeComposite returns the printed form of the composite checksum of n parts.
func EncodeComposite(sum []byte, n int) string { return Encode(sum) + "-" + strconv.Itoa(n) }

// crcParams are the polynomial in reflected form and its width in bits.
type crcParams struct {
	poly  uint64
	width uint
}

var crcs = [...]crcParams{
	CRC32:     {0xedb88320, 32},
	CRC32C:    {0x82f63b78, 32},
	CRC64NVME: {0x9a6c9329ac4bc9b5, 64},
}

func (c crcParams) load(sum []byte) uint64 {
	if c.width == 32 {
		return uint64(binary.BigEndian.Uint32(sum))
	}
	return binary.BigEndian.Uint64(sum)
}

// mul multiplies two polynomials modulo P. In reflected form the top bit is x^0.
func (c crcParams) mul(a, b uint64) uint64 {
	var p uint64
	for m := uint64(1) << (c.width - 1); m != 0 && a != 0; m >>= 1 {
		if a&m != 0 {
			p ^= b
			a &^= m
		}
		carry := b & 1
		b >>= 1
		if carry != 0 {
			b ^= c.poly
		}
	}
	return p
}

// xPow8 returns x^(8n) modulo P.
func (c crcParams) xPow8(n uint64) uint64 {
	result := uint64(1) << (c.width - 1)
	square := uint64(1) << (c.width - 1 - 8)
	for ; n != 0; n >>= 1 {
		if n&1 != 0 {
			result = c.mul(result, square)
		}
		square = c.mul(square, square)
	}
	return result
}
