package checksum

import (
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"hash"
	"hash/crc32"
	"strings"

	"github.com/minio/crc64nvme"
)

// Algorithm is a checksum algorithm. Zero is none.
type Algorithm uint8

// The algorithms. Numbers are stored.
const (
	None      Algorithm = 0
	CRC32     Algorithm = 1
	CRC32C    Algorithm = 2
	CRC64NVME Algorithm = 3
	SHA1      Algorithm = 4
	SHA256    Algorithm = 5

	last = SHA256
)

// All lists the algorithms in the order of their numbers.
var All = [...]Algorithm{CRC32, CRC32C, CRC64NVME, SHA1, SHA256}

var (
	names   = [...]string{"", "CRC32", "CRC32C", "CRC64NVME", "SHA1", "SHA256"}
	headers = [...]string{
		"", "x-amz-checksum-crc32", "x-amz-checksum-crc32c", "x-amz-checksum-crc64nvme",
		"x-amz-checksum-sha1", "x-amz-checksum-sha256",
	}
	sizes      = [...]int{0, 4, 4, 8, 20, 32}
	castagnoli = crc32.MakeTable(crc32.Castagnoli)
)

// Parse returns the algorithm of a name as it stands in
// x-amz-checksum-algorithm; case does not matter. None if it is unknown.
func Parse(name string) Algorithm {
	for _, a := range All {
		if strings.EqualFold(name, names[a]) {
			return a
		}
	}
	return None
}

// ParseHeader returns the algorithm of a header or trailer name such as
// "x-amz-checksum-crc32"; case does not matter. None if it is no such name.
func ParseHeader(name string) Algorithm {
	for _, a := range All {
		if strings.EqualFold(name, headers[a]) {
			return a
		}
	}
	return None
}

// String returns the algorithm's name in S3, "CRC32C".
func (a Algorithm) String() string {
	if a > last {
		return "unknown"
	}
	return names[a]
}

// Header returns the lower-case name of the header that carries the checksum.
func (a Algorithm) Header() string {
	if a > last {
		return ""
	}
	return headers[a]
}

// Element returns the name of the XML element that carries the checksum.
func (a Algorithm) Element() string { return "Checksum" + a.String() }

// Size returns the checksum's length in bytes, 0 for an unknown algorithm.
func (a Algorithm) Size() int {
	if a > last {
		return 0
	}
	return sizes[a]
}

// IsCRC reports whether checksums of parts combine to that of the whole.
func (a Algorithm) IsCRC() bool { return a >= CRC32 && a <= CRC64NVME }

// New returns a hash whose Sum is the checksum, big-endian for CRCs. It panics
// for an algorithm that is none of the constants.
func (a Algorithm) New() hash.Hash {
	switch a {
	case CRC32:
		return crc32.NewIEEE()
	case CRC32C:
		return crc32.New(castagnoli)
	case CRC64NVME:
		return crc64nvme.New()
	case SHA1:
		return sha1.New()
	case SHA256:
		return sha256.New()
	}
	panic("checksum: no such algorithm: " + a.String())
}

// Sum returns the checksum of b.
func (a Algorithm) Sum(b []byte) []byte {
	h := a.New()
	h.Write(b)
	return h.Sum(nil)
}

// Encode returns sum as S3 writes it, in base64.
func Encode(sum []byte) string { return base64.StdEncoding.EncodeToString(sum) }

// Decode reads the base64 form of a checksum of algorithm a; ok is false if it
// is not one.
func (a Algorithm) Decode(s string) (sum []byte, ok bool) {
	if len(s) > base64.StdEncoding.EncodedLen(sizes[last]) {
		return nil, false
	}
	b, err := base64.StdEncoding.Strict().DecodeString(s)
	return b, err == nil && len(b) == a.Size() && len(b) > 0
}
