package blob

import (
	"hash/crc32"
	"sync"

	"github.com/klauspost/reedsolomon"

	"cairn/placement"
	"cairn/store"
)

// shardAlign is what shard lengths are rounded up to, in bytes.
const shardAlign = 4 << 10

// slack is the spare capacity that lets any payload be padded in place to k
// whole shards: rounding adds less than one unit a shard.
const slack = placement.MaxShards * shardAlign

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// shardLen returns the length of each shard of a payload of n bytes. Copies are
// not rounded.
func shardLen(n, k int) int {
	if k == 1 {
		return n
	}
	s := (n + k - 1) / k
	return (s + shardAlign - 1) &^ (shardAlign - 1)
}

// codes keeps one encoder for each (k, m).
type codes struct {
	mu sync.Mutex
	by map[[2]uint8]reedsolomon.Encoder
}

func (c *codes) get(k, m uint8) (reedsolomon.Encoder, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	key := [2]uint8{k, m}
	if e := c.by[key]; e != nil {
		return e, nil
	}
	// One goroutine: a shard is encoded faster than goroutines are started.
	e, err := reedsolomon.New(int(k), int(m), reedsolomon.WithMaxGoroutines(1))
	if err != nil {
		return nil, store.Errorf(store.KindInvalid, "make code", "RS(%d,%d): %w", k, m, err)
	}
	if c.by == nil {
		c.by = map[[2]uint8]reedsolomon.Encoder{}
	}
	c.by[key] = e
	return e, nil
}
