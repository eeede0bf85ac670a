package cluster

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"cairn/internal/testcluster"
	"cairn/placement"
)

// A zone stays away until its shards have been rebuilt in the two others, where
// they survive less. When it is back they go back, and another zone may go.
func TestRebuiltShardsGoBackToTheirZone(t *testing.T) {
	t.Parallel()
	c, cl := start(t, testcluster.Options{DownOut: 2 * time.Second})
	require.Zero(t, crowded(t, c))
	w := write(cl, 2)
	w.await(t, 60)
	c.Kill("b1")
	c.Kill("b2")
	// One of the zone's nodes is given up, the other waited for.
	require.Eventually(t, func() bool { return openMoving(c) == 0 && crowded(t, c) > 0 }, patience, 100*time.Millisecond)
	c.Restart("b1")
	c.Restart("b2")
	c.WaitReady()
	l := w.stop()
	require.Empty(t, l.failed)
	require.Eventually(t, func() bool { return isHome(c) && crowded(t, c) == 0 }, patience, 100*time.Millisecond)
	waitPaid(t, c)
	c.Kill("c1")
	c.Kill("c2")
	l.check(t, cl)
}

// openMoving counts the rows for new data with a slot that is not complete.
func openMoving(c *testcluster.Cluster) (rows int) {
	for _, pg := range c.Node("a1").Root().View().PGs() {
		if takesData(pg) && pg.Moving() > 0 {
			rows++
		}
	}
	return rows
}

// takesData reports whether the row is one for new data while all is well.
func takesData(pg *placement.PG) bool {
	return pg.Class == placement.PGNormal && pg.State == placement.StateOpen
}

// crowded counts the rows for new data with two shards on a node, or in a zone more than
// an even share.
func crowded(t *testing.T, c *testcluster.Cluster) (rows int) {
	t.Helper()
	view := c.Node("a1").Root().View()
	topo, err := view.Topology()
	require.NoError(t, err)
	for _, pg := range view.PGs() {
		nodes, zones := map[placement.NodeID]int{}, map[string]int{}
		for _, id := range pg.Holders {
			n, ok := topo.NodeOf(id)
			require.True(t, ok)
			nodes[n.ID]++
			zones[n.Zone]++
		}
		most := 0
		for _, n := range zones {
			most = max(most, n)
		}
		if takesData(pg) && (len(nodes) < len(pg.Holders) || most > (len(pg.Holders)+2)/3) {
			rows++
		}
	}
	return rows
}
