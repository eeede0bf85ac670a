package checksum

import (
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// TestJoiner joins pieces of equal, other and no length.
func TestJoiner(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a := rapid.SampledFrom([]Algorithm{CRC32, CRC32C, CRC64NVME}).Draw(t, "algorithm")
		j, all := NewJoiner(a), []byte(nil)
		for _, p := range rapid.SliceOf(rapid.SliceOfN(rapid.Byte(), 0, 3)).Draw(t, "pieces") {
			j.Add(a.Sum(p), uint64(len(p)))
			all = append(all, p...)
		}
		require.Equal(t, a.Sum(all), j.Sum())
	})
}
