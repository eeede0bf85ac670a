package objectapi

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"cairn/objectapi/machine"
	"cairn/store"
)

func TestPace(t *testing.T) {
	fast := &pace{bytes: 64 << 10, reading: time.Millisecond}
	slow := &pace{bytes: 64 << 10, reading: time.Second}
	require.Equal(t, store.MaxBlob, (&pace{}).blobSize(1<<30, 0))
	require.Equal(t, store.MaxBlob, fast.blobSize(1<<30, 0))
	require.Equal(t, leastBlob, slow.blobSize(1<<30, 0))
	require.Equal(t, 100_000, slow.blobSize(100_000, 0))
	require.Equal(t, 5<<20, slow.blobSize(5<<30, 0), "5 GiB must fit 1,024 blobs")
}

// TestPaceFitsMaxRefs cuts bodies of any size at any pace: never more blobs than
// a body may have.
func TestPaceFitsMaxRefs(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		left := rapid.Int64Range(1, maxBody).Draw(t, "size")
		blobs := 0
		for ; left > 0; blobs++ {
			p := &pace{bytes: 1 << 20, reading: time.Duration(rapid.Int64Range(1, int64(time.Minute)).Draw(t, "reading"))}
			n := p.blobSize(left, blobs)
			require.True(t, n > 0 && n <= store.MaxBlob, n)
			left -= int64(n)
		}
		require.LessOrEqual(t, blobs, machine.MaxRefs)
	})
}
