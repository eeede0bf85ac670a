package cluster

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"cairn/internal/testcluster"
	"cairn/objectapi/machine"
	"cairn/placement"
	"cairn/store"
)

// A disk is lost under load and its slots are filled on the new one; a second
// disk is lost while they are. Nothing fails, and in the end every blob that an
// object refers to has all its shards where the map says (invariants 8 and 17).
func TestFillUnderLoadAndASecondFailure(t *testing.T) {
	t.Parallel()
	c, cl := start(t, testcluster.Options{DownOut: 2 * time.Second})
	w := write(cl, 1)
	w.await(t, 20)
	lose := func(name string) {
		c.Kill(name)
		c.WipeDisk(name)
		c.Restart(name)
		require.Eventually(t, func() bool { return moving(c) > 0 }, patience, 5*time.Millisecond)
	}
	lose("c1")
	lose("b1") // the slots of c1 are being filled
	w.await(t, 20)
	l := w.stop()
	require.Empty(t, l.failed)
	require.Eventually(t, func() bool { return moving(c) == 0 && lostSlots(c) == 0 }, patience, 100*time.Millisecond)
	waitPaid(t, c)
	l.check(t, cl)
	requireWhole(t, c, l)
}

// moving counts the slots that are not complete at their holder.
func moving(c *testcluster.Cluster) (n int) {
	for _, pg := range c.Node("a1").Root().View().PGs() {
		n += pg.Moving()
	}
	return n
}

// lostSlots counts the slots whose holder is not a disk of a running node.
func lostSlots(c *testcluster.Cluster) (n int) {
	open := map[placement.DiskID]bool{}
	for _, name := range c.Names() {
		for id := range c.Node(name).Data().ByID() {
			open[id] = true
		}
	}
	for _, pg := range c.Node("a1").Root().View().PGs() {
		for _, d := range pg.Holders {
			if !open[d] {
				n++
			}
		}
	}
	return n
}

// requireWhole checks that every blob of the objects that were written has all
// its shards where the map says.
func requireWhole(t *testing.T, c *testcluster.Cluster, l *load) {
	t.Helper()
	n := c.Node("a1")
	row, err := n.Store().ReadName(context.Background(), store.NameBucket, bucket)
	require.NoError(t, err)
	slots, _ := shards(t, c)
	for key := range l.sums {
		o, err := machine.NewClient(n.Store()).Get(context.Background(), store.MakeNS(store.KindObject, row.ID), key, machine.Whole)
		require.NoError(t, err)
		for _, p := range o.Pieces {
			if p.Data != nil {
				continue
			}
			pg := n.Root().View().PG(placement.PGID(p.Ref.Blob.PG()))
			require.Equal(t, uint16(1<<len(pg.Holders)-1), slots[p.Ref.Blob], "%s of %s, group %+v", p.Ref.Blob, key, *pg)
		}
	}
}
