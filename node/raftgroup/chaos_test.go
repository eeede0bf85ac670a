package raftgroup

import (
	"context"
	"math/rand/v2"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"cairn/placement"
	"cairn/store"
)

// An hour of cluster time with restarts, power cuts, partitions, leader changes
// and clock steps. Every acknowledged increment counts once; every read shows all
// that was acknowledged before it began; group time never falls; the replicas end
// up equal byte for byte.
func TestAnHourOfFaults(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	synctest.Test(t, func(t *testing.T) {
		rng := rand.New(rand.NewPCG(seed, 0))
		c := newCluster(t, 3)
		c.hb = time.Second
		defer c.close()
		for i, n := range c.nodes {
			skew := time.Duration(i-1) * 20 * time.Second
			n.tweak = func(o *Options) { o.Clock = func() time.Time { return time.Now().Add(skew) } }
		}
		c.startAll()
		s := NewSession(1)
		var acked uint64
		for start := time.Now(); time.Since(start) < time.Hour; {
			n := c.nodes[rng.IntN(3)]
			undo := c.fault(rng, n)
			for range 20 {
				require.Equal(t, acked+1, c.add1(s, "a"))
				acked++
				require.Equal(t, acked, c.read("a"))
				time.Sleep(time.Duration(rng.IntN(1000)) * time.Millisecond)
			}
			undo()
			time.Sleep(time.Duration(rng.IntN(30)) * time.Second)
		}
		require.Equal(t, acked+1, c.add1(s, "a"))
		c.converge()
		for _, n := range c.nodes {
			require.True(t, slices.IsSorted(n.app.times), "group time fell")
		}
	})
}

// fault hurts a node and returns what heals it.
func (c *cluster) fault(rng *rand.Rand, n *testNode) (undo func()) {
	switch rng.IntN(6) {
	case 0:
		c.crash(n)
		return func() { c.start(n, nil) }
	case 1:
		c.stop(n)
		return func() { c.start(n, nil) }
	case 2:
		c.partition(n, true)
		return func() { c.partition(n, false) }
	case 3: // it hears the others, and is not heard
		for _, m := range c.nodes {
			if m != n {
				c.cut.Store([2]placement.NodeID{n.id, m.id}, struct{}{})
			}
		}
		return func() { c.partition(n, false) }
	case 4:
		c.crash(n)
		c.start(n, nil)
	case 5:
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		_ = c.leader().g.TransferLeadership(ctx, 0) // may fail; leadership stays
	}
	return func() {}
}

// A deposed leader that does not know it yet answers no reads, even if a learner
// still follows it. Its lease is long here, so that it does not know for long.
func TestNoStaleReadAfterLeaderChange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t, 3)
		c.hb = time.Second
		defer c.close()
		old := c.nodes[0]
		old.tweak = func(o *Options) { o.HeartbeatTimeout = 30 * time.Second }
		c.startAll()
		s := NewSession(1)
		learner := c.addLearnerBeside()
		for range 5 {
			eventually(t, "the slow node leads", func() bool {
				ctx, cancel := context.WithTimeout(context.Background(), time.Second)
				defer cancel()
				if l := c.leader(); l != old {
					_ = l.g.TransferLeadership(ctx, old.id) // tried again if it fails
				}
				return old.g.IsLeader()
			})
			c.separate(old, learner, true)
			c.leader(old)
			want := c.add1(s, "a")
			require.Equal(t, "Leader", old.g.Stats().State, "or the test shows nothing")
			_, err := readOn(old.g, "a")
			require.Error(t, err)
			require.Equal(t, want, c.read("a"))
			c.separate(old, learner, false)
			c.converge()
		}
	})
}

// addLearnerBeside adds a learner to the group.
func (c *cluster) addLearnerBeside() *testNode {
	l := c.add(100, 1)
	c.start(l, nil)
	eventually(c.t, "the learner is in", func() bool {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		return c.leader().g.AddLearner(ctx, l.member(false)) == nil
	})
	return l
}

// separate cuts two nodes off together.
func (c *cluster) separate(a, b *testNode, on bool) {
	for _, m := range c.nodes {
		if m == a || m == b {
			continue
		}
		for _, k := range [][2]placement.NodeID{{a.id, m.id}, {m.id, a.id}, {b.id, m.id}, {m.id, b.id}} {
			if on {
				c.cut.Store(k, struct{}{})
			} else {
				c.cut.Delete(k)
			}
		}
	}
}

// A dead leader holds up writes for less than five seconds.
func TestLeaderDeathStallsBriefly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var worst time.Duration
		c := newCluster(t, 3)
		c.hb = 0 // the default
		defer c.close()
		c.startAll()
		s := NewSession(1)
		for range 30 {
			c.add1(s, "a")
			old := c.leader()
			time.Sleep(time.Duration(rand.IntN(2000)) * time.Millisecond)
			c.crash(old)
			start := time.Now()
			c.add1(s, "a")
			worst = max(worst, time.Since(start))
			c.start(old, nil)
			c.converge()
		}
		t.Logf("longest stall %v", worst)
		require.Less(t, worst, 5*time.Second)
	})
}

// A replica that does not understand a command halts, and says why; so does one
// whose applier panics. The group's other replicas, which share the code here,
// halt too, and nothing is applied.
func TestUnknownVersionHalts(t *testing.T) {
	for _, cmd := range []string{"v9 x", "panic x"} {
		c := newCluster(t, 3)
		c.startAll()
		s := NewSession(1)
		c.add1(s, "a")
		l := c.leader()
		_, err := l.g.Propose(t.Context(), Command{Data: []byte(cmd)})
		require.Equal(t, store.KindTimeout, store.KindOf(err))
		eventually(t, "the replica stopped", func() bool { return l.g.Stats().State == "Shutdown" })
		require.Error(t, l.g.Stats().Halted)
		_, err = l.g.Propose(t.Context(), Command{Data: []byte("add a")})
		require.Equal(t, store.KindUnavailable, store.KindOf(err))
		require.ErrorContains(t, err, "halted")
		_, err = l.g.ReadIndex(t.Context())
		require.Equal(t, store.KindUnavailable, store.KindOf(err))
		c.close()
	}
}
