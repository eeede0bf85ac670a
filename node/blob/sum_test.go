package blob

import (
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"cairn/node/data/disk"
	"cairn/placement"
)

// The sums of shards and payload are those of their bytes, whatever part of the
// last data shards is padding.
func TestSums(t *testing.T) {
	c := &Client{}
	rapid.Check(t, func(t *rapid.T) {
		p := placement.Policy{K: uint8(rapid.IntRange(1, 7).Draw(t, "k")), M: 2}
		payload := make([]byte, rapid.IntRange(1, 100<<10).Draw(t, "len"))
		for i := range payload {
			payload[i] = byte(i * 31)
		}
		shards, bufs, err := c.cut(p, payload)
		require.NoError(t, err)
		sums, whole := sum(shards, int(p.K), len(payload))
		require.Equal(t, disk.CRC(payload), whole)
		for i, s := range shards {
			require.Equal(t, disk.CRC(s), sums[i], "shard %d", i)
		}
		for _, b := range bufs {
			FreeBuffer(b)
		}
	})
}
