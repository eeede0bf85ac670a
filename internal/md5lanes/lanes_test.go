package md5lanes

import (
	"crypto/md5"
	"fmt"
	"hash"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// TestWrite hashes several messages in pieces, some of which do not end with a
// block, and compares with crypto/md5.
func TestWrite(t *testing.T) {
	eachKernel(t, func(t *testing.T) {
		rapid.Check(t, func(t *rapid.T) {
			n := rapid.IntRange(1, Lanes).Draw(t, "messages")
			hashes, want := make([]hash.Hash, n), make([]hash.Hash, n)
			for i := range n {
				hashes[i], want[i] = md5.New(), md5.New()
			}
			if rapid.Bool().Draw(t, "one is ahead") {
				hashes[0].Write(make([]byte, blockSize))
				want[0].Write(make([]byte, blockSize))
			}
			for range rapid.IntRange(1, 4).Draw(t, "pieces") {
				size := rapid.SampledFrom([]int{0, 1, 63, 64, 65, 128, 640, 4096, 4097}).Draw(t, "size")
				pieces := make([][]byte, n)
				for i := range pieces {
					pieces[i] = rapid.SliceOfN(rapid.Byte(), size, size).Draw(t, "piece")
					want[i].Write(pieces[i])
				}
				Write(hashes, pieces)
			}
			for i := range n {
				require.Equal(t, want[i].Sum(nil), hashes[i].Sum(nil))
			}
		})
	})
}

func BenchmarkWrite(b *testing.B) {
	const size = 64 << 10
	for _, n := range []int{1, 2, 3, 4, 8} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			var hashes []hash.Hash
			var pieces [][]byte
			for range n {
				hashes, pieces = append(hashes, md5.New()), append(pieces, make([]byte, size))
			}
			b.SetBytes(int64(n) * size)
			for b.Loop() {
				Write(hashes, pieces)
			}
		})
	}
}
