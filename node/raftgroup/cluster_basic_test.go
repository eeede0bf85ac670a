package raftgroup

import (
	"context"
	"testing"

	"github.com/cockroachdb/pebble/v2"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"cairn/store"
)

func iterBounds(lo, hi []byte) *pebble.IterOptions {
	return &pebble.IterOptions{LowerBound: lo, UpperBound: hi}
}

func TestProposeAndRead(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	c := newCluster(t, 3)
	defer c.close()
	c.startAll()
	s := NewSession(1)
	for i := range 100 {
		require.EqualValues(t, i+1, c.add1(s, "a"))
		require.EqualValues(t, i+1, c.read("a"))
	}
	cmd := s.Begin()
	cmd.Data = []byte("fail a")
	_, err := c.do(cmd)
	require.Equal(t, store.KindPrecondition, store.KindOf(err))
	require.EqualValues(t, 100, c.read("a"), "a failed command leaves nothing")
	c.converge()

	leader := c.leader()
	for _, n := range c.nodes {
		if n == leader {
			continue
		}
		_, err := n.g.Propose(context.Background(), Command{Data: []byte("add a")})
		require.Equal(t, store.KindMoved, store.KindOf(err))
		hint, ok := LeaderHint(err)
		require.True(t, ok)
		require.Equal(t, leader.id, hint)
		_, err = n.g.ReadIndex(context.Background())
		require.Equal(t, store.KindMoved, store.KindOf(err))
	}
}
