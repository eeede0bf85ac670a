package cluster

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/stretchr/testify/require"

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

// write runs writers until stop is called, which returns what they wrote.
func write(cl *s3.Client, writers int) (stop func() *load) {
	l := &load{sums: map[string][32]byte{}, failed: map[string]error{}}
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	for i := range writers {
		wg.Go(func() { l.writer(ctx, cl, i) })
	}
	return func() *load {
		cancel()
		wg.Wait()
		return l
	}
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

// requireComplete checks that every blob that can be read has all its shards
// where the map says. Fewer than k shards are a put that failed.
func requireComplete(t *testing.T, c *testcluster.Cluster) {
	t.Helper()
	view := c.Node("a1").Root().View()
	slots, _ := shards(t, c)
	require.NotEmpty(t, slots)
	incomplete := 0
	for blob, mask := range slots {
		p := view.Policy(view.PG(placement.PGID(blob.PG())).Policy)
		if mask != 1<<p.N()-1 {
			incomplete++
		}
	}
	require.Zero(t, incomplete, "of %d blobs", len(slots))
}

// settled reports whether no slot is on its way and no holder is out.
func settled(c *testcluster.Cluster) bool {
	view := c.Node("a1").Root().View()
	topo, err := view.Topology()
	if err != nil {
		return false
	}
	for _, pg := range view.PGs() {
		if pg.Moving() > 0 {
			return false
		}
		for _, d := range pg.Holders {
			if n, ok := topo.NodeOf(d); !ok || !topo.Counted(d) || c.NodeByID(n.ID) == nil {
				return false
			}
		}
	}
	return true
}

// A node loses its directory and comes back under its name: it is a new member
// of its groups, its new disk takes the slots of the lost one, and all the time
// others write.
func TestWipedNodeIsMadeWhole(t *testing.T) {
	t.Parallel()
	c, cl := start(t, testcluster.Options{DownOut: 3 * time.Second})
	stop := write(cl, 2)
	was := c.Node("c1").Root().View().NodeNamed("c1")
	c.Kill("c1")
	c.Wipe("c1", "a1")
	c.Restart("c1")
	c.WaitReady()
	var lost placement.DiskID
	for _, d := range c.Node("a1").Root().View().Disks() {
		if d.Node == was.Id && lost == 0 {
			lost = placement.DiskID(d.Id)
		}
	}
	require.Eventually(t, func() bool { // all slots of the lost disk have a new home
		for _, pg := range c.Node("a1").Root().View().PGs() {
			if pg.Has(lost) {
				return false
			}
		}
		return true
	}, 60*time.Second, 100*time.Millisecond)
	l := stop()
	require.Empty(t, l.failed)
	waitPaid(t, c)
	require.Eventually(t, func() bool { return settled(c) }, 30*time.Second, 100*time.Millisecond)
	requireComplete(t, c)
	c.Kill("a2") // the new disk is needed now
	c.Kill("b1")
	l.check(t, cl)
	for _, g := range c.Node("c1").Groups() {
		for _, m := range g.Members() {
			require.NotEqual(t, was.Incarnation, m.Incarnation[:], "the lost incarnation is still in group %d", g.ID())
		}
	}
}

// What was deleted frees its space after the grace; a disk that was away does
// not bring it back; a running read holds it back; what a dead gateway left goes
// after a day.
func TestDeletedBlobsAndOrphansGo(t *testing.T) {
	t.Parallel()
	c, cl := start(t, testcluster.Options{})
	l := write(cl, 1)
	time.Sleep(time.Second)
	loaded := l()
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
	require.Eventually(t, func() bool { return len(left()) == 1 }, 30*time.Second, 100*time.Millisecond)
	require.Contains(t, left(), orphan.Blob, "an orphan of minutes may still be committed")

	c.Restart("c1")
	require.Eventually(t, func() bool { return len(left()) == 1 }, 30*time.Second, 100*time.Millisecond, "the disk that was away deletes too")
	c.Advance(25 * time.Hour)
	require.Eventually(t, func() bool { return len(left()) == 0 }, 30*time.Second, 100*time.Millisecond)
}
