package machine

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"cairn/store"
)

// TestManySnapshots takes 500 snapshots of a volume that is written in between.
// Deleting every second one returns exactly its unique bytes, the others read as
// before, and a read asks as many rows as without snapshots.
func TestManySnapshots(t *testing.T) {
	e := newEnv(t)
	b := e.create(1)
	type taken struct {
		id    SnapshotID
		pages map[at]uint64
	}
	var all []taken
	for i := range uint32(500) {
		e.flush(b, at{i % 7, i % 5}, at{i % 7, 5 + i%3}, at{20, i % 50})
		all = append(all, taken{e.snapshot(b), e.read(Target{Branch: b})})
	}
	e.audit()
	for i := 0; i < len(all); i += 2 {
		before, err := e.c.Family(ctx, e.ns)
		require.NoError(t, err)
		unique, err := e.c.UniqueBytes(ctx, e.ns, Target{Snapshot: all[i].id})
		require.NoError(t, err)
		e.deleteSnapshot(all[i].id)
		e.sweep()
		after, err := e.c.Family(ctx, e.ns)
		require.NoError(t, err)
		require.EqualValues(t, unique, (before.Live-after.Live)*PageSize)
	}
	e.audit()
	for i := 1; i < len(all); i += 2 {
		require.Equal(t, all[i].pages, e.read(Target{Snapshot: all[i].id}))
	}
	require.EqualValues(t, 250, e.volume(b).Snapshots)
	p, err := e.c.Snapshots(ctx, e.ns, b, 0, 100)
	require.NoError(t, err)
	require.True(t, p.More)
	require.Equal(t, all[199].id, p.Next)
}

// TestStepsAreBounded deletes, flattens and compacts what is too much for one
// step, and interrupts each with a change of what it works on.
func TestStepsAreBounded(t *testing.T) {
	e := newEnv(t)
	b := e.create(8)
	fill := func(b Branch, page uint32) {
		for from := uint32(0); from < 2*stepRows; from += MaxFlushChunks {
			var places []at
			for c := range uint32(MaxFlushChunks) {
				places = append(places, at{from + c, page})
			}
			e.flush(b, places...)
		}
	}
	fill(b, 1)
	id := e.snapshot(b)
	clone := e.clone(id)
	e.flush(clone, at{3, 1}, at{3, 2})

	p, err := e.c.Flatten(ctx, e.ns, clone)
	require.NoError(t, err)
	require.True(t, p.More)
	e.flush(clone, at{0, 9}, at{2*stepRows - 1, 9})
	want := e.read(Target{Branch: clone})
	steps := 1
	for ; p.More; steps++ {
		p, err = e.c.Flatten(ctx, e.ns, clone)
		require.NoError(t, err)
	}
	require.Equal(t, 3, steps)
	require.Equal(t, want, e.read(Target{Branch: clone}))
	require.Zero(t, e.volume(clone).Depth)
	e.audit()

	fill(b, 1) // what the snapshot sees is now its own, but for the clone
	e.deleteSnapshot(id)
	p, err = e.c.Sweep(ctx, e.ns)
	require.NoError(t, err)
	require.True(t, p.More)
	e.flush(b, at{1, 1}, at{2*stepRows - 1, 1})
	e.audit()
	e.sweep()
	e.audit()
	e.deleteVolume(clone)
	require.Positive(t, e.sweep())
	require.Len(t, e.read(Target{Branch: b}), 2*stepRows)
	e.listInPages(b, 2*stepRows)
}

// listInPages lists the blocks of a volume that has one in each of its first
// chunks.
func (e *env) listInPages(b Branch, chunks int) {
	var got []Block
	for from, more := uint32(0), true; more; {
		p, err := e.c.Blocks(ctx, e.ns, Target{Branch: b}, from, 100)
		require.NoError(e.t, err)
		got, from, more = append(got, p.Blocks...), p.Next, p.More
	}
	require.Len(e.t, got, chunks)
	require.Equal(e.t, Block{Index: 8 * 5, Second: true}, got[5])
}

// TestWorstChunk has each page of a chunk in a blob of its own, and then changes
// some in as many blobs as a flush may bring.
func TestWorstChunk(t *testing.T) {
	e := newEnv(t)
	b := e.create(1)
	for p := range uint32(ChunkPages) {
		e.flush(b, at{0, p})
	}
	f := &Flush{Branch: b, Epoch: 1, From: ChunkPages, Upto: ChunkPages + 1, Chunks: []ChunkRuns{{}}}
	want := e.read(Target{Branch: b})
	require.Len(t, want, ChunkPages)
	for i := range uint32(MaxFlushBlobs) {
		f.Blobs = append(f.Blobs, e.blob(1))
		f.Chunks[0].Runs = append(f.Chunks[0].Runs, Run{Page: int(i), Pages: 1, Blob: f.Blobs[i].Ref})
		want[at{0, i}] = e.stamp
	}
	e.snapshot(b)
	_, err := e.c.Flush(ctx, e.ns, f)
	require.NoError(t, err)
	require.Equal(t, want, e.read(Target{Branch: b}))
	e.audit()
}

// TestDepth clones clones until that is refused; flattening makes room.
func TestDepth(t *testing.T) {
	e := newEnv(t)
	b := e.create(1)
	e.flush(b, at{0, 0})
	id := e.snapshot(b)
	for i := range uint32(MaxDepth - 1) {
		b = e.clone(id)
		e.flush(b, at{0, i + 1})
		require.Equal(t, i+1, e.volume(b).Depth)
		id = e.snapshot(b)
	}
	_, err := e.c.CreateVolume(ctx, e.ns, &CreateVolume{Snapshot: id})
	requireFails(t, err, store.KindConflict, ReasonDepth)
	require.Len(t, e.read(Target{Snapshot: id}), MaxDepth)
	_, err = e.c.Flatten(ctx, e.ns, b)
	require.NoError(t, err)
	require.EqualValues(t, 1, e.volume(e.clone(id)).Depth)
	require.Len(t, e.read(Target{Snapshot: id}), MaxDepth)
	e.audit()
}

// TestDeterminism runs one history of commands on two machines: every reply and
// every row is the same.
func TestDeterminism(t *testing.T) {
	run := func() string {
		e := newEnv(t)
		b := e.create(2)
		for i := range uint32(30) {
			e.flush(b, at{i % 3, i}, at{i%3 + 5, 2 * i}, at{200, i % 4})
			if id := e.snapshot(b); i%3 == 0 {
				e.flush(e.clone(id), at{i % 3, 7}, at{300, 1})
				e.deleteSnapshot(id)
			}
			_, err := e.c.Sweep(ctx, e.ns)
			require.NoError(t, err)
		}
		out := ""
		e.inspect(func(v view) error {
			for col := colBranch; col <= colToken; col++ {
				err := v.walk(col, nil, nil, func(s, x []byte) (bool, error) {
					out += fmt.Sprintf("%x %x %x\n", col, s, x)
					return false, nil
				})
				require.NoError(t, err)
			}
			return nil
		})
		return out
	}
	require.Equal(t, run(), run())
}
