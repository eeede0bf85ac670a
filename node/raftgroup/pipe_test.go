package raftgroup

import (
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"cairn/node/fabric"
	"cairn/placement"
)

// With a short commit interval the followers apply an entry soon after it was
// committed, one that was restarted too, and an idle group sends next to nothing.
func TestCommitIsToldOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const interval = 5 * time.Millisecond
		c := newCluster(t, 3)
		defer c.close()
		var appends atomic.Int64
		c.net.SetFaults(func(_, _ placement.NodeID, m fabric.Method) fabric.Fault {
			if m == methodAppend {
				appends.Add(1)
			}
			return fabric.Fault{}
		})
		start := func(n *testNode) {
			c.startHost(n)
			n.app = &counters{}
			var err error
			n.g, err = n.Host.Start(GroupConfig{ID: testGroup, Members: c.founders(), CommitInterval: interval}, n.app)
			require.NoError(t, err)
		}
		for _, n := range c.nodes {
			start(n)
		}
		s := NewSession(1)
		c.add1(s, "a")
		leader := c.leader()
		time.Sleep(2 * c.hb) // pipes are open
		c.add1(s, "a")
		time.Sleep(3 * interval)
		synctest.Wait()
		for _, n := range c.nodes {
			require.Equal(t, leader.app.mirror, n.app.mirror, "node %d", n.id)
		}

		before := appends.Load()
		time.Sleep(10 * c.hb)
		require.LessOrEqual(t, appends.Load()-before, int64(2*11), "one a follower and heartbeat timeout")

		for _, n := range c.nodes {
			if n != leader {
				c.crash(n)
				start(n)
				time.Sleep(2 * c.hb)
				synctest.Wait()
				require.Equal(t, leader.app.mirror, n.app.mirror, "node %d was restarted", n.id)
			}
		}
	})
}
