package cluster

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"cairn/internal/testcluster"
	"cairn/node/fabric"
	"cairn/node/health"
	"cairn/node/root"
	"cairn/objectapi/machine"
	"cairn/placement"
	"cairn/store"
)

// patience is how long a test waits for what must happen; it is met long before
// on any machine.
const patience = time.Minute

// knownPerCut is how many operations must have a known outcome in or after a cut.
// Those sent to nodes that are cut off have none, and cost their clients seconds.
const knownPerCut = 20

// impatience is how long a request waits that must not be answered.
const impatience = 2 * time.Second

// A zone is cut off from the two others under load. There, writes go on; in it,
// nothing is acknowledged or read. Healed, the cluster is clean, and whole.
func TestZoneIsCutOffUnderLoad(t *testing.T) {
	t.Parallel()
	c, cl := start(t, testcluster.Options{})
	w := write(cl, 1)
	h, judge := record(t, c, 6)
	require.NoError(t, putAt(c, "c1", h.ns, "before", patience))

	inC := func(id placement.NodeID) bool { return id == c.Node("c1").ID() || id == c.Node("c2").ID() }
	c.Net.SetFaults(func(from, to placement.NodeID, _ fabric.Method) fabric.Fault {
		return fabric.Fault{DropRequest: inC(from) != inC(to)}
	})
	h.awaitKnown(t, knownPerCut)
	require.NoError(t, putAt(c, "a1", h.ns, "during", patience))
	var asked sync.WaitGroup
	for _, name := range []string{"c1", "c2"} {
		asked.Go(func() { assert.Error(t, putAt(c, name, h.ns, "never", impatience)) })
		asked.Go(func() {
			_, err := getAt(c, name, h.ns, "before", impatience)
			assert.Error(t, err, "it may have been replaced in the other zones")
		})
	}
	asked.Wait()
	c.Net.SetFaults(nil)
	require.NoError(t, putAt(c, "c1", h.ns, "after", patience))
	judge()
	l := w.stop()
	require.Empty(t, l.failed)
	waitPaid(t, c)
	waitHealthy(t, c)
	l.check(t, cl)
	requireWhole(t, c, l)
}

// The leader of the root, and of a metadata group, is alone cut off in both
// directions and in each: what it leads is led by another while that lasts, names
// can be made and objects written through the others, and what clients saw, at
// the leader too, has an order.
func TestLeadersAreCutOff(t *testing.T) {
	for _, group := range []string{"root", "meta"} {
		t.Run(group, func(t *testing.T) {
			t.Parallel()
			c := testcluster.Start(t, testcluster.Options{Zones: 3, Nodes: 1, Machines: objects})
			h, judge := record(t, c, 4)
			leader := func() string {
				if group == "root" {
					return rootLeader(c)
				}
				return leaderOf(c, h.ns)
			}
			for _, way := range []string{"both ways", "to others", "from others"} {
				cutLeaderOff(t, c, h, leader(), way)
			}
			judge()
			waitHealthy(t, c)
		})
	}
}

func cutLeaderOff(t *testing.T, c *testcluster.Cluster, h *history, name, way string) {
	t.Logf("%s, which leads, is cut off %s", name, way)
	self := c.Node(name).ID()
	c.Net.SetFaults(func(from, to placement.NodeID, _ fabric.Method) fabric.Fault {
		out, in := from == self && to != self, from != self && to == self
		return fabric.Fault{DropRequest: out && way != "from others" || in && way != "to others"}
	})
	other := c.Names()[(slices.Index(c.Names(), name)+1)%len(c.Names())]
	for i := range 3 {
		require.NoError(t, putAt(c, other, h.ns, fmt.Sprintf("%s %s %d", name, way, i), patience))
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	bucket := strings.ReplaceAll(name+" "+way, " ", "-")
	_, err := c.Node(other).Store().CreateName(ctx, store.Name{Kind: store.NameBucket, Name: bucket, Owner: "o"})
	require.NoError(t, err)
	c.Net.SetFaults(nil)
	c.WaitReady()
	h.awaitKnown(t, knownPerCut)
}

// A node that only the root's leader can talk to is out of service: writers step
// round it, though it beats. Once it can be reached it is back.
func TestNodeThatOnlyTheRootReachesIsAvoided(t *testing.T) {
	t.Parallel()
	c, cl := start(t, testcluster.Options{})
	var name string
	for _, n := range c.Names() {
		if n != "a1" && n != rootLeader(c) {
			name = n
		}
	}
	self, leader := c.Node(name).ID(), c.Node(rootLeader(c)).ID()
	c.Net.SetFaults(func(from, to placement.NodeID, _ fabric.Method) fabric.Fault {
		other := from + to - self // the node at the other end, if one end is self
		return fabric.Fault{DropRequest: (from == self) != (to == self) && other != leader}
	})
	state := func() root.Liveness { s, _ := c.Node("a1").Root().Live().Node(self); return s }
	require.Eventually(t, func() bool { return state() == root.Suspect }, patience, 10*time.Millisecond)
	w := write(cl, 2)
	w.await(t, 20)
	require.Empty(t, w.stop().failed)
	require.Equal(t, root.Suspect, state())
	c.Net.SetFaults(nil)
	require.Eventually(t, func() bool { return state() == root.Up }, patience, 10*time.Millisecond)
	waitPaid(t, c)
}

func rootLeader(c *testcluster.Cluster) string {
	for _, name := range c.Names() {
		for _, g := range c.Node(name).Groups() {
			if g.ID() == root.Group && g.IsLeader() {
				return name
			}
		}
	}
	return c.Names()[0]
}

// putAt writes a small object through a node.
func putAt(c *testcluster.Cluster, node string, ns store.NS, key string, wait time.Duration) error {
	ctx, cancel := context.WithTimeout(context.Background(), wait)
	defer cancel()
	p := &machine.Put{Size: int64(len(key)), Body: machine.Body{Inline: []byte(key)}}
	_, err := machine.NewClient(c.Node(node).Store()).Put(ctx, ns, key, p)
	return err
}

// getAt reads what putAt wrote.
func getAt(c *testcluster.Cluster, node string, ns store.NS, key string, wait time.Duration) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), wait)
	defer cancel()
	o, err := machine.NewClient(c.Node(node).Store()).Get(ctx, ns, key, machine.Whole)
	if err != nil {
		return "", err
	}
	return string(o.Pieces[0].Data), nil
}

// waitHealthy waits until the status is clean: nothing is owed, moves or is away.
func waitHealthy(t *testing.T, c *testcluster.Cluster) {
	t.Helper()
	end := time.Now().Add(patience)
	for n := c.Node("a1"); ; time.Sleep(100 * time.Millisecond) {
		s := health.Compute(health.Collect(context.Background(), n.Fabric(), n.Root()))
		if s.Verdict == health.Healthy {
			return
		}
		if time.Now().After(end) {
			require.Fail(t, s.Summary, "%+v", s.Conditions)
		}
	}
}
