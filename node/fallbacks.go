package node

import (
	"context"
	"time"

	"cairn/placement"
	"cairn/store"
)

// fallbackInterval is how often the disks are asked for shards of fallback groups.
const fallbackInterval = 2 * time.Second

// watchFallbacks keeps the list of the fallback groups that this node's disks
// have shards of. It is apart from the heartbeat that carries the list, because a
// disk that hangs must not make the node look dead.
func (n *Node) watchFallbacks(ctx context.Context) {
	for ctx.Err() == nil {
		used := n.usedFallbacks(ctx)
		n.fallbacks.Store(&used)
		sleep(ctx, fallbackInterval)
	}
}

func (n *Node) usedFallbacks(ctx context.Context) (used []uint32) {
	disks := n.data.ByID()
	for _, pg := range n.root.View().PGs() {
		if pg.Class != placement.PGFallback {
			continue
		}
		for id, d := range disks {
			if !pg.Has(id) {
				continue
			}
			if list, _, err := d.List(ctx, uint32(pg.ID), store.BlobID{}, 1, false); err == nil && len(list) > 0 {
				used = append(used, uint32(pg.ID))
				break
			}
		}
	}
	return used
}
