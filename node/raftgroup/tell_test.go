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

// With PromptCommits every follower applies an entry as soon as it was committed,
// whether it belonged to the majority or came late. An idle group sends next to
// nothing, and a follower that lost power hears again what it had heard.
func TestPromptCommits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const late = 3 * time.Millisecond
		c := newCluster(t, 3)
		defer c.close()
		var appends atomic.Int64
		c.net.SetFaults(func(_, to placement.NodeID, m fabric.Method) (f fabric.Fault) {
			if m == methodAppend {
				appends.Add(1)
			}
			if to == c.nodes[2].id {
				f.Delay = late
			}
			return f
		})
		start := func(n *testNode) {
			c.startHost(n)
			n.app = &counters{}
			var err error
			n.g, err = n.Host.Start(GroupConfig{ID: testGroup, Members: c.founders(), PromptCommits: true}, n.app)
			require.NoError(t, err)
		}
		for _, n := range c.nodes {
			start(n)
		}
		s := NewSession(1)
		c.add1(s, "a")
		leader := c.leader()
		time.Sleep(5 * c.hb) // pipes are open
		for range 3 {
			c.add1(s, "a")
			time.Sleep(5 * late)
			synctest.Wait()
			for _, n := range c.nodes {
				require.Equal(t, leader.app.mirror, n.app.mirror, "node %d", n.id)
			}
		}

		before := appends.Load()
		time.Sleep(10 * c.hb)
		require.LessOrEqual(t, appends.Load()-before, int64(2*11), "Raft's own")

		for _, n := range c.nodes {
			if n != leader {
				c.crash(n)
				start(n)
				time.Sleep(10 * c.hb)
				synctest.Wait()
				require.Equal(t, leader.app.mirror, n.app.mirror, "node %d was restarted", n.id)
			}
		}
	})
}
