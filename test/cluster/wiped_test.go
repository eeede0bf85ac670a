package cluster

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"cairn/internal/testcluster"
	"cairn/node/raftgroup"
	"cairn/store"
)

// A node loses its directory under load and joins again under its old name: it
// has its number and another incarnation, which takes the place of the old one in
// each group; its disk is filled, and the cluster is clean and whole.
func TestWipedNodeIsFilledAgain(t *testing.T) {
	t.Parallel()
	c, cl := start(t, testcluster.Options{DownOut: 2 * time.Second})
	w := write(cl, 1)
	w.await(t, 20)
	id, former := c.Node("b1").ID(), c.Incarnation("b1")
	c.Kill("b1")
	c.Wipe("b1")
	c.Invite("b1", "c1")
	require.NotEqual(t, former, c.Incarnation("b1"))
	c.Restart("b1")
	require.Equal(t, id, c.Node("b1").ID())
	w.await(t, 20)
	l := w.stop()
	require.Empty(t, l.failed)
	require.Eventually(t, func() bool { return votesOnlyAs(c, "b1") }, patience, 50*time.Millisecond)
	require.Eventually(t, func() bool { return moving(c) == 0 && lostSlots(c) == 0 }, patience, 50*time.Millisecond)
	waitPaid(t, c)
	waitHealthy(t, c)
	l.check(t, cl)
	requireWhole(t, c, l)
}

// Of three nodes one is wiped and another one dies. The third and the wiped one
// would be a majority if the wiped one voted, and what was acknowledged before it
// was wiped could be undone. It does not, until it has the log again.
func TestWipedNodeDoesNotVote(t *testing.T) {
	t.Parallel()
	c := testcluster.Start(t, testcluster.Options{Zones: 3, Nodes: 1, Machines: objects})
	row, err := c.Node("a1").Store().CreateName(context.Background(), store.Name{Kind: store.NameBucket, Name: "wiped", Owner: "o"})
	require.NoError(t, err)
	ns := store.MakeNS(store.KindObject, row.ID)
	require.NoError(t, putAt(c, "a1", ns, "before", patience))
	third := leaderOf(c, ns)
	var others []string
	for _, name := range c.Names() {
		if name != third {
			others = append(others, name)
		}
	}
	wiped, dies := others[0], others[1]
	c.Kill(wiped)
	c.Wipe(wiped)
	c.Invite(wiped, third)
	c.Kill(dies)
	c.Restart(wiped)
	require.Error(t, putAt(c, third, ns, "never", 2*impatience), "one of three voters acknowledges nothing")
	for _, g := range c.Node(wiped).Groups() {
		require.NotEqual(t, "Leader", g.Stats().State)
		require.False(t, hasVote(g.Members(), raftgroup.Member{Node: c.Node(wiped).ID(), Incarnation: c.Incarnation(wiped)}))
	}
	c.Restart(dies)
	c.WaitReady()
	require.Eventually(t, func() bool { return votesOnlyAs(c, wiped) }, patience, 50*time.Millisecond)
	c.Kill(dies) // now it does vote, and has what was written before
	require.NoError(t, putAt(c, wiped, ns, "after", patience))
	got, err := getAt(c, wiped, ns, "before", patience)
	require.NoError(t, err)
	require.Equal(t, "before", got)
}

// votesOnlyAs reports whether, wherever a node is named in a group, its present
// incarnation votes and no other one is a member.
func votesOnlyAs(c *testcluster.Cluster, name string) bool {
	self := raftgroup.Member{Node: c.Node(name).ID(), Incarnation: c.Incarnation(name)}
	view := c.Node("a1").Root().View()
	for _, row := range view.Groups() {
		for _, id := range view.GroupNodes(row.Id) {
			if id == self.Node && !votesOnlyAsIn(c, raftgroup.GroupID(row.Id), self) {
				return false
			}
		}
	}
	return true
}

// votesOnlyAsIn asks the leader of one group.
func votesOnlyAsIn(c *testcluster.Cluster, id raftgroup.GroupID, self raftgroup.Member) bool {
	for _, name := range c.Names() {
		if c.Node(name) == nil {
			continue
		}
		for _, g := range c.Node(name).Groups() {
			if g.ID() != id || !g.IsLeader() {
				continue
			}
			for _, m := range g.Members() {
				if m.Node == self.Node && m.Incarnation != self.Incarnation {
					return false
				}
			}
			return hasVote(g.Members(), self)
		}
	}
	return false
}

func hasVote(members []raftgroup.Member, self raftgroup.Member) bool {
	for _, m := range members {
		if m.Node == self.Node && m.Incarnation == self.Incarnation {
			return m.Voter
		}
	}
	return false
}
