package worker_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"cairn/internal/testcluster"
	"cairn/node/data/disk"
	"cairn/objectapi/machine"
	"cairn/store"
)

// one is a cluster of one node with a bucket.
type one struct {
	*testcluster.Cluster
	t  *testing.T
	st store.Store
	ns store.NS
}

func startOne(t *testing.T) *one {
	c := testcluster.Start(t, testcluster.Options{
		Zones: 1, Nodes: 1, Machines: func() []store.Machine { return []store.Machine{machine.New()} },
	})
	o := &one{Cluster: c, t: t, st: c.Node("a1").Store()}
	o.ns = o.bucket("b")
	return o
}

func (o *one) bucket(name string) store.NS {
	row, err := o.st.CreateName(context.Background(), store.Name{Kind: store.NameBucket, Name: name, Owner: "o"})
	require.NoError(o.t, err)
	return store.MakeNS(store.KindObject, row.ID)
}

// blob writes a blob for a key, which does not refer to it yet.
func (o *one) blob(ns store.NS, key string) store.Placed {
	p, err := o.st.Put(context.Background(), store.Owner{NS: ns, Key: []byte(key)}, store.ClassStandard, []byte("data of "+key))
	require.NoError(o.t, err)
	return p
}

// object makes an object of a blob.
func (o *one) object(key string, p store.Placed) {
	_, err := machine.NewClient(o.st).Put(context.Background(), o.ns, key, &machine.Put{
		Body: machine.Body{Placed: []store.Placed{p}}, Size: int64(p.Len),
	})
	require.NoError(o.t, err)
}

// stored returns the blobs that have shards on the node's disk.
func (o *one) stored() map[store.BlobID]bool {
	n, out := o.Node("a1"), map[store.BlobID]bool{}
	for _, d := range n.Data().ByID() {
		for _, pg := range n.Root().View().PGs() {
			entries, _, err := d.List(context.Background(), uint32(pg.ID), store.BlobID{}, disk.MaxList, false)
			require.NoError(o.t, err)
			for _, e := range entries {
				out[e.Blob] = true
			}
		}
	}
	return out
}

// Invariants 3 and 4: of the blobs that are older than a day those go of which
// the owner says, in its log, that they are dead; an owner that is gone for good
// keeps none. Nothing else goes.
func TestOnlyDeadBlobsAreCollected(t *testing.T) {
	t.Parallel()
	o := startOne(t)
	kept := o.blob(o.ns, "kept")
	o.object("kept", kept)
	orphans := []store.Placed{o.blob(o.ns, "never"), o.blob(o.ns, "kept")}
	gone := o.bucket("gone")
	orphans = append(orphans, o.blob(gone, "k"))
	row, err := o.st.ReadName(context.Background(), store.NameBucket, "gone")
	require.NoError(t, err)
	require.NoError(t, o.st.DeleteName(context.Background(), store.NameBucket, "gone", row.Gen))
	o.Advance(20 * time.Hour)
	young := o.blob(o.ns, "young")
	o.Advance(5 * time.Hour)
	require.Eventually(t, func() bool {
		now := o.stored()
		return !now[orphans[0].Blob] && !now[orphans[1].Blob] && !now[orphans[2].Blob]
	}, time.Minute, 20*time.Millisecond)
	require.Equal(t, map[store.BlobID]bool{kept.Blob: true, young.Blob: true}, o.stored())
}
