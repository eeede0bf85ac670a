package blob

import (
	"bytes"
	"context"
	"math/bits"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"cairn/internal/arena"
	"cairn/node/data/disk"
	"cairn/placement"
	"cairn/store"
)

var owner = store.Owner{NS: store.MakeNS(store.KindObject, 1), Key: []byte("k")}

// Whatever is put comes back, whole and in ranges, with any two nodes down.
func TestRoundTripWithNodesDown(t *testing.T) {
	b := newBench(t, 2)
	rapid.Check(t, func(rt *rapid.T) {
		n := rapid.OneOf(
			rapid.IntRange(1, 100), rapid.IntRange(placement.SmallBlob-2, placement.SmallBlob+2),
			rapid.IntRange(1, 1<<20)).Draw(rt, "len")
		p := b.payload(n)
		placed, err := b.Put(context.Background(), owner, store.ClassStandard, p)
		require.NoError(t, err)
		require.Zero(t, placed.Missing)
		down := []placement.NodeID{
			placement.NodeID(rapid.IntRange(1, 6).Draw(rt, "down")), placement.NodeID(rapid.IntRange(1, 6).Draw(rt, "down2")),
		}
		b.setDown(down...)
		off := rapid.IntRange(0, n).Draw(rt, "off")
		m := rapid.IntRange(0, n-off).Draw(rt, "n")
		require.True(t, bytes.Equal(p[off:off+m], b.read(t, placed.Ref, off, m)))
		require.True(t, bytes.Equal(p, b.read(t, placed.Ref, 0, n)))
		b.setDown()
		b.FreeBuffer(p)
	})
}

// setDown makes the given nodes refuse connections, and no others. What the
// client has seen of them before is forgotten.
func (b *bench) setDown(nodes ...placement.NodeID) {
	b.fake.mu.Lock()
	clear(b.fake.down)
	for _, n := range nodes {
		b.fake.down[n] = true
	}
	b.fake.mu.Unlock()
	b.peers.mu.Lock()
	defer b.peers.mu.Unlock()
	clear(b.peers.nodes)
	b.peers.change++
}

// Invariant 1: at the moment of acknowledgement, losing any zone leaves k shards,
// and the receipt lists exactly the shards that are not there.
func TestAcknowledgementIsZoneSafe(t *testing.T) {
	for node := placement.NodeID(1); node <= 6; node++ {
		b := newBench(t, 2)
		b.setDown(node)
		placed, err := b.Put(context.Background(), owner, store.ClassStandard, b.payload(1<<20))
		require.NoError(t, err)
		require.Equal(t, 1, bits.OnesCount16(placed.Missing))
		b.requireZoneSafe(t, placed)
	}
}

func (b *bench) requireZoneSafe(t *testing.T, placed store.Placed) {
	t.Helper()
	pg := b.view.PG(placement.PGID(placed.Blob.PG()))
	k := int(b.view.Policy(pg.Policy).K)
	topo, err := b.view.Topology()
	require.NoError(t, err)
	b.fake.mu.Lock()
	defer b.fake.mu.Unlock()
	zones, total := map[string]int{}, 0
	for i, d := range pg.Holders {
		_, there := b.fake.shards[d][disk.ShardID{Blob: placed.Blob, Index: uint8(i)}]
		require.Equal(t, there, placed.Missing&(1<<i) == 0, "shard %d", i)
		if there {
			n, _ := topo.NodeOf(d)
			zones[n.Zone]++
			total++
		}
	}
	for zone, n := range zones {
		require.GreaterOrEqual(t, total-n, k, "after the loss of zone %s", zone)
	}
}

// The rule, for every set of shards that can be acknowledged: after the loss of
// any zone k are left.
func TestRuleLeavesKAfterAnyZone(t *testing.T) {
	for perZone := 1; perZone <= 4; perZone++ {
		b := newBench(t, perZone)
		topo, err := b.view.Topology()
		require.NoError(t, err)
		for _, pg := range b.view.PGs() {
			policy := b.view.Policy(pg.Policy)
			if pg.Class != placement.PGNormal || policy.Class != store.ClassStandard {
				continue
			}
			j := &putJob{c: b.Client, topo: topo, policy: *policy, pg: pg, whole: true}
			for mask := range uint32(1) << policy.N() {
				if left := afterWorstZone(topo, pg, uint16(mask)); j.meets(uint16(mask)) != (left >= int(policy.K)) {
					require.Failf(t, "rule", "%s mask %b leaves %d", policy.Code(), mask, left)
				}
			}
			break
		}
	}
}

// afterWorstZone counts the shards of a mask that the loss of any zone leaves.
func afterWorstZone(topo *placement.Topology, pg *placement.PG, mask uint16) int {
	zones := map[string]int{}
	for i, d := range pg.Holders {
		if n, ok := topo.NodeOf(d); ok && mask&(1<<i) != 0 {
			zones[n.Zone]++
		}
	}
	worst := 0
	for _, n := range zones {
		worst = max(worst, n)
	}
	return bits.OnesCount16(mask) - worst
}

// Two nodes of different zones that hang are given up, and written around.
func TestTwoHangingNodes(t *testing.T) {
	b := newBench(t, 2)
	b.fake.hang[3], b.fake.hang[5] = true, true
	placed, err := b.Put(context.Background(), owner, store.ClassStandard, b.payload(1<<20))
	require.NoError(t, err)
	require.Equal(t, 2, bits.OnesCount16(placed.Missing))
}

// A zone that is away costs no error: blobs go where they can, with their
// debts, and survive one more node.
func TestZoneAway(t *testing.T) {
	for _, known := range []bool{false, true} {
		b := newBench(t, 2)
		b.setDown(5, 6)
		if known {
			b.setLive(5, 6)
		}
		for _, n := range []int{1000, 1 << 20} {
			p := b.payload(n)
			placed, err := b.Put(context.Background(), owner, store.ClassStandard, p)
			require.NoError(t, err)
			b.setDown(5, 6, 1)
			require.True(t, bytes.Equal(p, b.read(t, placed.Ref, 0, n)), "%d bytes, known %v", n, known)
			b.setDown(5, 6)
			b.FreeBuffer(p)
		}
	}
}

// With a zone and one more node away nothing can be acknowledged safely.
func TestTooFewNodesRefuseWrites(t *testing.T) {
	b := newBench(t, 2)
	b.setDown(4, 5, 6)
	_, err := b.Put(context.Background(), owner, store.ClassStandard, b.payload(1<<20))
	require.Equal(t, store.KindUnavailable, store.KindOf(err))
}

// A node that hangs delays the first put by the grace, and the next ones not.
func TestHangingNodeIsWrittenAround(t *testing.T) {
	b := newBench(t, 2)
	b.fake.hang[3] = true
	start := time.Now()
	placed, err := b.Put(context.Background(), owner, store.ClassStandard, b.payload(1<<20))
	require.NoError(t, err)
	require.GreaterOrEqual(t, time.Since(start), grace)
	require.Equal(t, 1, bits.OnesCount16(placed.Missing))
	b.requireZoneSafe(t, placed)

	table, err := b.current()
	require.NoError(t, err)
	require.False(t, table.byPolicy[1].usable[3])
}

// When every disk is slow, writes go on: none of them is avoided.
func TestSlownessOfAllIsNobodysFault(t *testing.T) {
	b := newBench(t, 2)
	for n := placement.NodeID(1); n <= 6; n++ {
		b.peers.lagged(n, time.Now())
	}
	placed, err := b.Put(context.Background(), owner, store.ClassStandard, b.payload(1<<20))
	require.NoError(t, err)
	require.Zero(t, placed.Missing)
}

// A small range costs one shard's range, and that range k times when the shard
// is damaged; never the whole blob.
func TestRangeReadsTouchWhatTheyNeed(t *testing.T) {
	b := newBench(t, 2)
	p := b.payload(6 << 20)
	placed, err := b.Put(context.Background(), owner, store.ClassStandard, p)
	require.NoError(t, err)
	off := 3 << 20
	require.True(t, bytes.Equal(p[off:off+4096], b.read(t, placed.Ref, off, 4096)))
	require.Equal(t, 4096, b.fake.total())

	pg := b.view.PG(placement.PGID(placed.Blob.PG()))
	k := int(b.view.Policy(pg.Policy).K)
	b.fake.bad[pg.Holders[off/shardLen(len(p), k)]] = true
	clear(b.fake.reads)
	require.True(t, bytes.Equal(p[off:off+4096], b.read(t, placed.Ref, off, 4096)))
	require.Equal(t, k*4096, b.fake.total())
}

func (f *fakeShards) total() (n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, r := range f.reads {
		n += r
	}
	return n
}

// Invariant 15: more damage than the code can mend is an error, never bytes.
func TestTooMuchDamageIsAnError(t *testing.T) {
	b := newBench(t, 2)
	placed, err := b.Put(context.Background(), owner, store.ClassStandard, b.payload(1<<20))
	require.NoError(t, err)
	for d := placement.DiskID(1); d <= 4; d++ {
		b.fake.bad[d] = true
	}
	_, err = b.Get(context.Background(), placed.Ref, 0, 1<<20)
	require.Equal(t, store.KindCorrupt, store.KindOf(err))

	ref := placed.Ref
	clear(b.fake.bad)
	ref.CRC++
	_, err = b.Get(context.Background(), ref, 0, 1<<20)
	require.Equal(t, store.KindCorrupt, store.KindOf(err))
}

// Every shard can be rebuilt from the others, byte for byte.
func TestRebuildEqualsTheOriginal(t *testing.T) {
	b := newBench(t, 2)
	for _, n := range []int{500, 1<<20 + 13} {
		placed, err := b.Put(context.Background(), owner, store.ClassStandard, b.payload(n))
		require.NoError(t, err)
		pg := b.view.PG(placement.PGID(placed.Blob.PG()))
		for i, d := range pg.Holders {
			id := disk.ShardID{Blob: placed.Blob, Index: uint8(i)}
			want := b.fake.shards[d][id]
			delete(b.fake.shards[d], id)
			r, err := b.Rebuild(context.Background(), placed.Blob, i)
			require.NoError(t, err)
			require.True(t, bytes.Equal(want.data, bytes.Join(r.Data.Parts(), nil)), "shard %d", i)
			require.Equal(t, n, r.BlobLen)
			require.Equal(t, owner, r.Owner)
			r.Data.Release()
			b.fake.shards[d][id] = want
		}
	}
}

// A disk that left one slot and was given another may have all that is left of a
// put that failed: whose blob it was can be told, with other disks silent, too.
func TestOwnerOfAShardInAnotherSlot(t *testing.T) {
	b := newBench(t, 2)
	for _, n := range []int{500, 1 << 20} {
		placed, err := b.Put(context.Background(), owner, store.ClassStandard, b.payload(n))
		require.NoError(t, err)
		pg := b.view.PG(placement.PGID(placed.Blob.PG()))
		kept := b.fake.shards[pg.Holders[0]][disk.ShardID{Blob: placed.Blob}]
		b.fake.shards = map[placement.DiskID]map[disk.ShardID]fakeShard{}
		_, err = b.Owner(context.Background(), placed.Blob)
		require.True(t, store.Is(err, store.KindNotFound), "%v", err)

		b.fake.shards[pg.Holders[1]] = map[disk.ShardID]fakeShard{{Blob: placed.Blob}: kept}
		b.setDown(placement.NodeID(pg.Holders[2]))
		got, err := b.Owner(context.Background(), placed.Blob)
		require.NoError(t, err)
		require.Equal(t, owner, got)
		_, err = b.Rebuild(context.Background(), placed.Blob, 0)
		require.Error(t, err)
		b.setDown()
	}
}

// A buffer that a late shard write still reads is not handed out again.
func TestLateWritesKeepTheirBuffer(t *testing.T) {
	b := newBench(t, 2)
	b.fake.hang[2] = true
	p := b.payload(1 << 20)
	_, err := b.Put(context.Background(), owner, store.ClassStandard, p)
	require.NoError(t, err)
	before := arena.ReadStats()
	b.FreeBuffer(p)
	require.Equal(t, before, arena.ReadStats())
}

// What reads take beyond the bytes asked for is bounded: a rebuild waits for its
// turn before it reads anything, and gives its room back.
func TestRebuildsTakeTurns(t *testing.T) {
	b := newBench(t, 2)
	payload := b.payload(1 << 20)
	placed, err := b.Put(context.Background(), owner, store.ClassStandard, payload)
	require.NoError(t, err)
	g, err := b.newGet(placed.Ref)
	require.NoError(t, err)
	p := piece{shard: 0, off: 0, n: g.size}

	require.True(t, b.hedging.TryAcquire(maxHedging))
	ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
	defer cancel()
	_, err = g.rebuildInTurn(ctx, p)
	require.Equal(t, store.KindTimeout, store.KindOf(err))
	require.Empty(t, b.fake.reads)

	b.hedging.Release(maxHedging)
	got, err := g.rebuildInTurn(context.Background(), p)
	require.NoError(t, err)
	require.Equal(t, payload[:g.size], bytes.Join(got.Parts(), nil))
	got.Release()
	require.True(t, b.hedging.TryAcquire(maxHedging), "the room was given back")
}
