package blob

import (
	"cmp"
	"context"
	"slices"
	"time"

	"cairn/node/data/disk"
	"cairn/node/root"
	"cairn/placement"
	"cairn/store"
)

// readShard reads a range of one shard where the group's row says it is, or,
// while it moves, where it was.
func (g *getJob) readShard(ctx context.Context, p piece) (*store.Bytes, error) {
	b, err := g.readDisk(ctx, g.pg.Holders[p.shard], p)
	prev := g.pg.PrevOf(p.shard)
	if err == nil || prev == 0 || ctx.Err() != nil {
		return b, err
	}
	b, perr := g.readDisk(ctx, prev, p)
	if perr != nil && !store.Is(err, store.KindNotFound) {
		return nil, err // it may be at the holder, which did not say
	}
	return b, perr
}

func (g *getJob) readDisk(ctx context.Context, d placement.DiskID, p piece) (*store.Bytes, error) {
	node, ok := g.topo.NodeOf(d)
	if !ok {
		return nil, store.Errorf(store.KindUnavailable, "get shard", "disk %d is not in the map", d)
	}
	start := time.Now()
	b, err := g.c.shards.Read(ctx, node.ID, d, disk.ShardID{Blob: g.ref.Blob, Index: uint8(p.shard)}, p.off, p.n)
	switch {
	case err == nil:
		g.c.peers.readTook(node.ID, time.Since(start))
	case ctx.Err() == nil && notReached(err):
		g.c.peers.failed(node.ID, g.c.clock())
	}
	return b, err
}

// skip reports whether a shard's holder is not worth asking first.
func (g *getJob) skip(shard int) bool {
	node, ok := g.topo.NodeOf(g.pg.Holders[shard])
	if !ok || g.c.peers.avoided(node.ID, g.c.clock()) {
		return true
	}
	state, _ := g.c.live.Node(node.ID)
	return state == root.Suspect || state == root.Down
}

// patience is how long a shard's holder may take before another is asked too.
func (g *getJob) patience(shard int) time.Duration {
	node, ok := g.topo.NodeOf(g.pg.Holders[shard])
	if !ok {
		return 0
	}
	return g.c.peers.hedgeAfter(node.ID)
}

// outcome is the result of one of several racing reads.
type outcome struct {
	from int
	b    *store.Bytes
	err  error
}

// readCopy reads a range of a replicated blob from the copy that answers first,
// asking one more each time the ones asked so far are late or have failed.
func (g *getJob) readCopy(ctx context.Context, p piece) (*store.Bytes, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	order := g.order(g.allShards())
	results := make(chan outcome, len(order))
	asked, pending := 0, 0
	ask := func(release func()) {
		s := order[asked]
		asked, pending = asked+1, pending+1
		go func() {
			defer release()
			b, err := g.readShard(ctx, piece{s, p.off, p.n})
			results <- outcome{s, b, err}
		}()
	}
	ask(func() {})
	errs := failures{}
	for pending > 0 {
		var late <-chan time.Time
		if asked < len(order) {
			late = time.After(g.patience(order[asked-1]))
		}
		select {
		case r := <-results:
			pending--
			if r.err == nil {
				drain(results, pending)
				return r.b, nil
			}
			errs.add(r.err)
			if asked < len(order) {
				ask(func() {})
			}
		case <-late:
			if g.c.hedging.TryAcquire(int64(p.n)) {
				ask(func() { g.c.hedging.Release(int64(p.n)) })
			}
		}
	}
	return nil, errs.verdict(g)
}

// drain releases what n losers of a race still bring.
func drain(results <-chan outcome, n int) {
	if n == 0 {
		return
	}
	go func() {
		for range n {
			if r := <-results; r.b != nil {
				r.b.Release()
			}
		}
	}()
}

func (g *getJob) allShards() []int {
	out := make([]int, g.n)
	for i := range out {
		out[i] = i
	}
	return out
}

// order sorts shards by how soon their holders are likely to answer.
func (g *getJob) order(shards []int) []int {
	slices.SortStableFunc(shards, func(a, b int) int {
		return cmp.Or(cmpBool(g.skip(a), g.skip(b)), cmp.Compare(g.patience(a), g.patience(b)))
	})
	return shards
}

func cmpBool(a, b bool) int {
	switch {
	case a == b:
		return 0
	case b:
		return -1
	}
	return 1
}
