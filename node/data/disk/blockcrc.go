package disk

import (
	"encoding/binary"
	"hash/crc32"
)

// BlockSize is how many bytes of a shard share one checksum.
const BlockSize = 16 << 10

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// blocks returns how many checksums a shard of n bytes has.
func blocks(n int) int { return (n + BlockSize - 1) / BlockSize }

// appendBlockCRCs appends the big-endian crc32c of every block of the
// concatenated parts, and returns the crc32c of the whole as well. The whole is
// computed from the blocks', so the bytes are read once.
func appendBlockCRCs(dst []byte, parts [][]byte) (sums []byte, whole uint32) {
	var crc uint32
	fill := 0
	flush := func() {
		dst = binary.BigEndian.AppendUint32(dst, crc)
		whole = JoinCRC(whole, crc, fill)
		crc, fill = 0, 0
	}
	for _, p := range parts {
		for len(p) > 0 {
			n := min(len(p), BlockSize-fill)
			crc = crc32.Update(crc, castagnoli, p[:n])
			p, fill = p[n:], fill+n
			if fill == BlockSize {
				flush()
			}
		}
	}
	if fill > 0 {
		flush()
	}
	return dst, whole
}

// verifyBlocks checks data, which begins on a block boundary, against its
// blocks' checksums and returns the crc32c of the whole.
func verifyBlocks(data, sums []byte) (whole uint32, ok bool) {
	for len(data) > 0 {
		n := min(len(data), BlockSize)
		crc := crc32.Checksum(data[:n], castagnoli)
		if crc != binary.BigEndian.Uint32(sums) {
			return 0, false
		}
		whole = JoinCRC(whole, crc, n)
		data, sums = data[n:], sums[4:]
	}
	return whole, true
}

// crcShift[i] is the linear map over GF(2) that appending 2^i zero bytes makes
// of a crc32c without its pre- and post-conditioning.
var crcShift = func() (m [24][32]uint32) {
	for bit := range 32 {
		// One zero byte is a step of the table-driven algorithm with a zero
		// input.
		v := uint32(1) << bit
		m[0][bit] = castagnoli[byte(v)] ^ v>>8
	}
	for i := 1; i < len(m); i++ {
		for bit := range 32 {
			m[i][bit] = crcApply(&m[i-1], m[i-1][bit])
		}
	}
	return m
}()

func crcApply(m *[32]uint32, v uint32) (out uint32) {
	for bit := 0; v != 0; bit, v = bit+1, v>>1 {
		if v&1 != 0 {
			out ^= m[bit]
		}
	}
	return out
}

// JoinCRC returns the crc32c of a ‖ b from those of a and b and the length of b,
// which must be below 16 MiB.
func JoinCRC(a, b uint32, lenB int) uint32 {
	for i := 0; lenB != 0; i, lenB = i+1, lenB>>1 {
		if lenB&1 != 0 {
			a = crcApply(&crcShift[i], a)
		}
	}
	return a ^ b
}
