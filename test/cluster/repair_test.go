package cluster

import (
	"context"
	"maps"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/stretchr/testify/require"

	"cairn/internal/arena"
	"cairn/internal/testcluster"
	"cairn/node/data/disk"
	"cairn/placement"
	"cairn/store"
)

// start starts a cluster with a bucket and a client of node a1.
func start(t *testing.T, o testcluster.Options) (*testcluster.Cluster, *s3.Client) {
	t.Helper()
	o.Machines = objects
	c := testcluster.Start(t, o)
	cl := gateway(t, c, "a1")
	_, err := cl.CreateBucket(context.Background(), &s3.CreateBucketInput{Bucket: aws.String(bucket)})
	require.NoError(t, err)
	return c, cl
}

// writing is a load that goes on until it is stopped.
type writing struct {
	load   *load
	cancel context.CancelFunc
	wg     sync.WaitGroup
}

// write runs writers.
func write(cl *s3.Client, writers int) *writing {
	w := &writing{load: &load{sums: map[string][32]byte{}, failed: map[string]error{}}}
	var ctx context.Context
	ctx, w.cancel = context.WithCancel(context.Background())
	for i := range writers {
		w.wg.Go(func() { w.load.writer(ctx, cl, i) })
	}
	return w
}

// await waits until n more objects are written.
func (w *writing) await(t *testing.T, n int) {
	t.Helper()
	count := func() int {
		w.load.mu.Lock()
		defer w.load.mu.Unlock()
		return len(w.load.sums)
	}
	until := count() + n
	require.Eventually(t, func() bool { return count() >= until }, patience, 10*time.Millisecond)
}

// stop ends the load and returns what it wrote.
func (w *writing) stop() *load {
	w.cancel()
	w.wg.Wait()
	return w.load
}

// shards lists which slots of each blob are where the map says, over all running
// nodes, and how many shards lie elsewhere.
func shards(t *testing.T, c *testcluster.Cluster) (slots map[store.BlobID]uint16, strays int) {
	t.Helper()
	slots = map[store.BlobID]uint16{}
	for _, name := range c.Names() {
		n := c.Node(name)
		if n == nil {
			continue
		}
		for id, d := range n.Data().ByID() {
			for _, pg := range c.Node("a1").Root().View().PGs() {
				entries, _, err := d.List(context.Background(), uint32(pg.ID), store.BlobID{}, disk.MaxList, false)
				require.NoError(t, err)
				for _, e := range entries {
					if pg.Holders[e.Index] == id {
						slots[e.Blob] |= 1 << e.Index
					} else {
						strays++
					}
				}
			}
		}
	}
	return slots, strays
}

// What was deleted frees its space after the grace; a disk that was away does
// not bring it back; a running read holds it back; what a dead gateway left goes
// after a day.
func TestDeletedBlobsAndOrphansGo(t *testing.T) {
	t.Parallel()
	c, cl := start(t, testcluster.Options{})
	w := write(cl, 1)
	w.await(t, 20)
	loaded := w.stop()
	require.Empty(t, loaded.failed)
	n := c.Node("a1")
	bucketRow, err := n.Store().ReadName(context.Background(), store.NameBucket, bucket)
	require.NoError(t, err)
	ns := store.MakeNS(store.KindObject, bucketRow.ID)
	orphan, err := n.Store().Put(context.Background(), store.Owner{NS: ns, Key: []byte("never")}, store.ClassStandard, make([]byte, 1<<20))
	require.NoError(t, err)
	before, _ := shards(t, c)
	require.Contains(t, before, orphan.Blob)

	done := n.Store().Reading()
	awaitReadKnown(t, c)
	c.Kill("c1") // it misses the deletion
	for key := range loaded.sums {
		_, err := cl.DeleteObject(context.Background(), &s3.DeleteObjectInput{Bucket: aws.String(bucket), Key: aws.String(key)})
		require.NoError(t, err)
	}
	c.Advance(16 * time.Minute)
	require.Never(t, func() bool { now, _ := shards(t, c); return len(now) < len(before) }, 3*time.Second, 500*time.Millisecond,
		"a read that began before the deletion still runs")
	done()
	left := func() map[store.BlobID]uint16 { s, _ := shards(t, c); return s }
	require.Eventually(t, func() bool { return len(left()) == 1 }, patience, 100*time.Millisecond)
	require.Contains(t, left(), orphan.Blob, "an orphan of minutes may still be committed")

	c.Restart("c1")
	require.Eventually(t, func() bool { return len(left()) == 1 }, patience, 100*time.Millisecond, "the disk that was away deletes too")
	c.Advance(25 * time.Hour)
	require.Eventually(t, func() bool { return len(left()) == 0 }, patience, 100*time.Millisecond)
}

// awaitReadKnown waits until every node has heard, with a heartbeat, of a read that
// runs. In life that takes a second of the quarter of an hour that a blob is kept
// for; a test whose clock jumps must not jump over it.
func awaitReadKnown(t *testing.T, c *testcluster.Cluster) {
	far := time.Now().Add(365 * 24 * time.Hour)
	require.Eventually(t, func() bool {
		for _, name := range c.Names() {
			if c.Node(name).Root().Live().ReadHorizon(far).After(far.Add(-24 * time.Hour)) { // knows of none
				return false
			}
		}
		return true
	}, patience, 50*time.Millisecond, "a running read is not heard of")
}

// A disk that was given up and comes back has shards that nobody else has: they
// are brought to their holders before they are dropped (invariant 17).
func TestStraysGoHomeBeforeTheyAreDropped(t *testing.T) {
	t.Parallel()
	c, _ := start(t, testcluster.Options{})
	ctx, n := context.Background(), c.Node("a1")
	p, err := n.Store().Put(ctx, store.Owner{NS: 1, Key: []byte("k")}, store.ClassStandard, []byte("three copies"))
	require.NoError(t, err)
	pg := n.Root().View().PG(placement.PGID(p.Blob.PG()))
	disks := map[placement.DiskID]*disk.Disk{}
	for _, name := range c.Names() {
		maps.Copy(disks, c.Node(name).Data().ByID())
	}
	holder, id := disks[pg.Holders[0]], disk.ShardID{Blob: p.Blob}
	sh, _, err := holder.Describe(id)
	require.NoError(t, err)
	data, crc, err := holder.Read(ctx, id, 0, -1)
	require.NoError(t, err)
	require.NoError(t, holder.Evict(ctx, uint32(pg.ID), pg.Gen, []disk.ShardID{id}))
	for d, other := range disks {
		if !pg.Has(d) {
			require.NoError(t, other.Write(ctx, sh, pg.Gen, [][]byte{data}, crc))
			break
		}
	}
	arena.Put(data)
	slots, strays := shards(t, c)
	require.Equal(t, uint16(0b110), slots[p.Blob])
	require.Equal(t, 1, strays)
	require.Eventually(t, func() bool {
		c.Advance(11 * time.Minute)
		slots, strays = shards(t, c)
		return strays == 0
	}, patience, 300*time.Millisecond)
	require.Equal(t, uint16(0b111), slots[p.Blob])
}
