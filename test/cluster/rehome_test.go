package cluster

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"cairn/internal/testcluster"
	"cairn/placement"
	"cairn/store"
)

// What was written to fallback groups while a zone was away is spread over all
// zones once it is back: then another zone may go.
func TestFallbackDataComesHome(t *testing.T) {
	t.Parallel()
	c, cl := start(t, testcluster.Options{})
	before := len(c.Node("a1").Root().View().PGs())
	c.Kill("c1")
	c.Kill("c2")
	w := write(cl, 4)
	require.Eventually(t, func() bool { return fallbackShards(t, c) > 20 }, patience, 50*time.Millisecond)
	l := w.stop()
	require.Empty(t, l.failed)
	c.Restart("c1")
	c.Restart("c2")
	c.WaitReady()
	require.Eventually(t, func() bool { return isHome(c) && fallbackShards(t, c) == 0 }, patience, 100*time.Millisecond)
	require.Greater(t, len(c.Node("a1").Root().View().PGs()), before, "each has an empty fallback group in its place")
	waitPaid(t, c)
	c.Kill("b1")
	c.Kill("b2")
	l.check(t, cl)
}

// fallbackShards counts the shards of fallback groups on the running nodes, up to
// a few of each group.
func fallbackShards(t *testing.T, c *testcluster.Cluster) (count int) {
	t.Helper()
	for _, name := range c.Names() {
		n := c.Node(name)
		if n == nil {
			continue
		}
		for _, d := range n.Data().ByID() {
			for _, pg := range c.Node("a1").Root().View().PGs() {
				if pg.Class == placement.PGFallback {
					entries, _, err := d.List(context.Background(), uint32(pg.ID), store.BlobID{}, 100, false)
					require.NoError(t, err)
					count += len(entries)
				}
			}
		}
	}
	return count
}

// isHome reports whether no group moves or waits to be opened.
func isHome(c *testcluster.Cluster) bool {
	for _, pg := range c.Node("a1").Root().View().PGs() {
		if pg.Moving() > 0 || pg.ComesHome() {
			return false
		}
	}
	return true
}
