package machine

import (
	"testing"

	"github.com/stretchr/testify/require"

	"cairn/store"
)

// TestCompactInSteps moves a page that more versions name than one step looks
// at, with a flush and a deletion in between.
func TestCompactInSteps(t *testing.T) {
	e := newEnv(t)
	b := e.create(1)
	e.flush(b, at{0, 0}, at{0, 100})
	old := e.blobOf(b, at{0, 0})
	var last SnapshotID
	for i := range uint32(stepRows + 100) {
		last = e.snapshot(b)
		e.flush(b, at{0, 1 + i%64})
	}
	sparse, err := e.c.Sparse(ctx, e.ns, store.BlobID{}, 100, MaxPage)
	require.NoError(t, err)
	require.Empty(t, sparse.Blobs, "all pages are named by some snapshot")

	x := &Compact{To: e.blob(2), Moves: []Move{{0, 0, 1, old, 0, 1}, {0, 100, 1, old, 1, 0}}}
	e.stamps[x.To.Blob] = []uint64{e.stamps[old][1], e.stamps[old][0]}
	want := e.read(Target{Branch: b})
	r, err := e.c.Compact(ctx, e.ns, x)
	require.NoError(t, err)
	require.True(t, r.More)
	e.audit()
	require.Equal(t, want, e.read(Target{Branch: b}))
	e.deleteSnapshot(last)
	e.sweep()
	x.At = r.Next
	r, err = e.c.Compact(ctx, e.ns, x)
	require.NoError(t, err)
	require.False(t, r.More)
	require.Equal(t, 1, r.Blobs)
	require.Equal(t, want, e.read(Target{Branch: b}))
	require.Equal(t, x.To.Blob, e.blobOf(b, at{0, 0}))
	e.audit()
}

// blobOf returns the blob that a page of a volume is in.
func (e *env) blobOf(b Branch, p at) store.BlobID {
	m, err := e.c.PageMap(ctx, e.ns, Target{Branch: b}, p.chunk, 1)
	require.NoError(e.t, err)
	for _, r := range m.Chunks[0].Runs {
		if int(p.page) >= r.Page && int(p.page) < r.Page+r.Pages {
			return r.Blob.Blob
		}
	}
	return store.BlobID{}
}

// TestDefragment writes a chunk page by page, which the flushes tell of, and
// makes it one run again.
func TestDefragment(t *testing.T) {
	e := newEnv(t)
	b := e.create(1)
	for p := range uint32(MaxRuns) {
		require.Empty(t, e.flush(b, at{9, 2 * p}).Fragmented)
	}
	require.Equal(t, []uint32{9}, e.flush(b, at{9, 255}).Fragmented)
	found, err := e.c.Fragmented(ctx, e.ns, b, 0)
	require.NoError(t, err)
	require.Equal(t, []uint32{9}, found.Chunks)

	m, err := e.c.PageMap(ctx, e.ns, Target{Branch: b}, 9, 1)
	require.NoError(t, err)
	want := e.read(Target{Branch: b})
	x := &Compact{To: e.blob(len(m.Chunks[0].Runs))}
	for i, r := range m.Chunks[0].Runs {
		x.Moves = append(x.Moves, Move{9, r.Page, 1, r.Blob.Blob, r.Off, i})
		e.stamps[x.To.Blob][i] = e.stamps[r.Blob.Blob][r.Off]
	}
	r, err := e.c.Compact(ctx, e.ns, x)
	require.NoError(t, err)
	require.Equal(t, MaxRuns+1, r.Blobs)
	require.Equal(t, want, e.read(Target{Branch: b}))

	// The new blob is no new one any more.
	x.Moves = x.Moves[1:]
	_, err = e.c.Compact(ctx, e.ns, x)
	requireFails(t, err, store.KindInvalid, ReasonBlob)
	now := e.volume(b)
	_, err = e.c.Flush(ctx, e.ns, &Flush{
		Branch: b, Epoch: now.Epoch, From: now.Flushed, Upto: now.Flushed, Blobs: []store.Placed{x.To},
		Chunks: []ChunkRuns{{0, []Run{{Page: 0, Pages: 1, Blob: x.To.Ref}}}},
	})
	requireFails(t, err, store.KindInvalid, ReasonBlob)
	e.audit()
}
