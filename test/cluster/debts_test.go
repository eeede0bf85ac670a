package cluster

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/stretchr/testify/require"

	"cairn/internal/testcluster"
	"cairn/node/meta"
	"cairn/node/raftgroup"
	"cairn/store"
)

// Shards that are owed when a node is away are brought in when it is back, by
// whichever replica leads then; what was deleted meanwhile is owed no more.
func TestDebtsArePaidOverALeaderChange(t *testing.T) {
	t.Parallel()
	c, cl := start(t, testcluster.Options{})
	row, err := c.Node("a1").Store().ReadName(context.Background(), store.NameBucket, bucket)
	require.NoError(t, err)
	ns := store.MakeNS(store.KindObject, row.ID)
	away, leader := withoutVote(c, ns), leaderOf(c, ns)
	c.Kill(away)
	l := &load{sums: map[string][32]byte{}}
	for i := range 12 {
		key := aws.String(fmt.Sprint("k", i))
		_, err := cl.PutObject(context.Background(), &s3.PutObjectInput{Bucket: aws.String(bucket), Key: key, Body: bytes.NewReader(make([]byte, 1<<20))})
		require.NoError(t, err)
		l.sums[*key] = [32]byte{}
	}
	require.Equal(t, len(l.sums), owed(c), "a group of one disk a node lacks the shard of the node that is away")
	for i := range 6 {
		key := fmt.Sprint("k", i)
		_, err := cl.DeleteObject(context.Background(), &s3.DeleteObjectInput{Bucket: aws.String(bucket), Key: aws.String(key)})
		require.NoError(t, err)
		delete(l.sums, key)
	}
	require.Equal(t, len(l.sums), owed(c))
	c.Kill(leader)
	c.Restart(leader)
	c.Restart(away)
	c.WaitReady()
	waitPaid(t, c)
	requireWhole(t, c, l)
}

// withoutVote returns a node that is no voter of the group of a namespace.
func withoutVote(c *testcluster.Cluster, ns store.NS) string {
	view := c.Node("a1").Root().View()
	r, _ := view.RangeOf(ns, nil)
	for _, name := range c.Names() {
		if name != "a1" && !slices.Contains(view.GroupNodes(r.Group), c.Node(name).ID()) {
			return name
		}
	}
	return ""
}

// owed counts the debts of the rows of all groups, as their leaders have them.
func owed(c *testcluster.Cluster) (n int) {
	for _, name := range c.Names() {
		if c.Node(name) == nil {
			continue
		}
		for _, g := range c.Node(name).Meta().Groups() {
			if g.IsLeader() {
				n += len(debtsOf(g))
			}
		}
	}
	return n
}

func debtsOf(g *raftgroup.Group) (out []meta.Debt) {
	snap, err := g.ReadLocal()
	if err != nil {
		return nil
	}
	defer snap.Close()
	for d, err := range meta.Debts(snap, store.BlobID{}) {
		if err != nil {
			return nil
		}
		out = append(out, d)
	}
	return out
}
