package machine

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"cairn/store"
)

// TestClaim has the race for a volume: one epoch is claimed once, and a lease
// keeps others away unless they force it.
func TestClaim(t *testing.T) {
	e := newEnv(t)
	b, err := e.c.CreateVolume(ctx, e.ns, &CreateVolume{Attributes: Attributes{Spec: Spec{Size: 1}}})
	require.NoError(t, err)
	claim := func(owner string, epoch uint64, force bool) error {
		_, err := e.c.Claim(ctx, e.ns, &Claim{Branch: b, Owner: owner, Epoch: epoch, Lease: 5000, Force: force})
		return err
	}
	require.NoError(t, claim("a", 0, false))
	requireFails(t, claim("b", 0, false), store.KindPrecondition, ReasonEpoch)
	requireFails(t, claim("b", 1, false), store.KindConflict, ReasonOwned)
	requireFails(t, e.c.DeleteVolume(ctx, e.ns, &DeleteVolume{Branch: b}), store.KindConflict, ReasonOwned)
	e.now = e.now.Add(4 * time.Second)
	require.NoError(t, e.c.Renew(ctx, e.ns, &Renew{Branch: b, Epoch: 1, Lease: 5000}))
	e.now = e.now.Add(4 * time.Second)
	requireFails(t, claim("b", 1, false), store.KindConflict, ReasonOwned)
	require.NoError(t, claim("b", 1, true))
	requireFails(t, e.c.Renew(ctx, e.ns, &Renew{Branch: b, Epoch: 1, Lease: 5000}), store.KindPrecondition, ReasonEpoch)

	e.now = e.now.Add(time.Hour)
	_, err = e.c.Flush(ctx, e.ns, &Flush{Branch: b, Epoch: 2, Upto: 1})
	require.NoError(t, err, "who lost the lease owns the volume until another claims it")
	require.NoError(t, claim("a", 2, false))
	require.NoError(t, e.c.Renew(ctx, e.ns, &Renew{Branch: b, Epoch: 3}))
	_, err = e.c.Flush(ctx, e.ns, &Flush{Branch: b, Epoch: 3, From: 1, Upto: 2})
	requireFails(t, err, store.KindPrecondition, ReasonOwner)
}

// TestOldOwnerChangesNothing runs everything that an owner may do with the epoch
// of one that was replaced (invariant 13).
func TestOldOwnerChangesNothing(t *testing.T) {
	e := newEnv(t)
	b := e.create(1)
	old := e.volume(b).Epoch
	_, err := e.c.Register(ctx, e.ns, &Register{Branch: b, Epoch: old, Segments: [][]uint32{{1, 2, 3}}})
	require.NoError(t, err)
	e.claim(b)
	before := e.s.Stats().Rows
	_, flush := e.c.Flush(ctx, e.ns, &Flush{Branch: b, Epoch: old, Upto: 1})
	_, register := e.c.Register(ctx, e.ns, &Register{Branch: b, Epoch: old, Segments: [][]uint32{{1}}})
	_, trim := e.c.Trim(ctx, e.ns, &Trim{b, old})
	_, snapshot := e.c.CreateSnapshot(ctx, e.ns, &CreateSnapshot{Branch: b, Epoch: old})
	_, clone := e.c.CreateVolume(ctx, e.ns, &CreateVolume{Head: b, Epoch: old})
	for i, err := range []error{
		flush, register, trim, snapshot, clone,
		e.c.Seal(ctx, e.ns, &Seal{Branch: b, Epoch: old, Number: 1}), e.c.Renew(ctx, e.ns, &Renew{b, old, 1}),
		e.c.Recovered(ctx, e.ns, &Recovered{b, old, 0}),
	} {
		require.Equal(t, ReasonEpoch, store.ReasonOf(err), "%d: %v", i, err)
	}
	require.Equal(t, before, e.s.Stats().Rows)
}

// TestJournal registers, seals and trims: in order, and never what is not
// flushed (invariant 14).
func TestJournal(t *testing.T) {
	e := newEnv(t)
	b := e.create(1)
	epoch := e.volume(b).Epoch
	register := func(holders ...[]uint32) (uint32, error) {
		return e.c.Register(ctx, e.ns, &Register{Branch: b, Epoch: epoch, Segments: holders})
	}
	seal := func(number uint32, end LSN) error {
		return e.c.Seal(ctx, e.ns, &Seal{Branch: b, Epoch: epoch, Number: number, End: end})
	}
	trimmed := func() (out []uint32) {
		segments, err := e.c.Trim(ctx, e.ns, &Trim{b, epoch})
		require.NoError(t, err)
		for _, s := range segments {
			out = append(out, s.Number)
		}
		return out
	}
	first, err := register([]uint32{1, 2, 3}, []uint32{4, 5, 6})
	require.NoError(t, err)
	require.EqualValues(t, 1, first)
	first, err = register([]uint32{7})
	require.NoError(t, err)
	require.EqualValues(t, 3, first)
	_, err = register([]uint32{1, 1})
	requireFails(t, err, store.KindInvalid, ReasonSegment)
	_, err = register()
	require.NoError(t, err)

	requireFails(t, seal(2, 10), store.KindInvalid, ReasonSegment)
	require.NoError(t, seal(1, 10))
	requireFails(t, seal(1, 11), store.KindNotFound, ReasonSegment)
	requireFails(t, seal(2, 9), store.KindInvalid, ReasonSegment)
	require.NoError(t, e.c.Seal(ctx, e.ns, &Seal{Branch: b, Epoch: epoch, Number: 2, End: 20, Holders: []uint32{4, 8}}))
	require.Empty(t, trimmed(), "nothing is flushed")
	_, err = e.c.Flush(ctx, e.ns, &Flush{Branch: b, Epoch: epoch, Upto: 15})
	require.NoError(t, err)
	require.Equal(t, []uint32{1}, trimmed())

	// What a new owner finds.
	got := e.claim(b)
	require.EqualValues(t, 15, got.Volume.Flushed)
	require.Equal(t, []Segment{
		{Number: 2, Epoch: epoch, Holders: []uint32{4, 8}, Sealed: true, End: 20}, {Number: 3, Epoch: epoch, Holders: []uint32{7}},
	}, got.Segments)
	e.copyWithoutOwner(b, 20, 3)
}

// copyWithoutOwner takes snapshots of a volume without an owner: only rows that
// have all of the journal will do. The last segment is open and ends at end.
func (e *env) copyWithoutOwner(b Branch, end LSN, last uint32) {
	release := func() uint64 {
		v := e.volume(b)
		require.NoError(e.t, e.c.Renew(ctx, e.ns, &Renew{Branch: b, Epoch: v.Epoch}))
		return v.Epoch
	}
	_, err := e.c.CreateSnapshot(ctx, e.ns, &CreateSnapshot{Branch: b, Epoch: release(), LSN: e.volume(b).Flushed})
	requireFails(e.t, err, store.KindConflict, ReasonUnflushed)
	v := e.claim(b).Volume
	require.NoError(e.t, e.c.Seal(ctx, e.ns, &Seal{Branch: b, Epoch: v.Epoch, Number: last, End: end}))
	_, err = e.c.Flush(ctx, e.ns, &Flush{Branch: b, Epoch: v.Epoch, From: v.Flushed, Upto: end})
	require.NoError(e.t, err)
	_, err = e.c.CreateSnapshot(ctx, e.ns, &CreateSnapshot{Branch: b, Epoch: release(), LSN: end})
	require.NoError(e.t, err)
}

// TestFlushRefused has the flushes that have no effect.
func TestFlushRefused(t *testing.T) {
	e := newEnv(t)
	b := e.create(1)
	blob := e.blob(4)
	run := func(page, pages, off int) Run { return Run{Page: page, Pages: pages, Blob: blob.Ref, Off: off} }
	for i, c := range []struct {
		chunks []ChunkRuns
		reason string
	}{
		{[]ChunkRuns{{256, []Run{run(0, 4, 0)}}}, ReasonRuns},
		{[]ChunkRuns{{1, []Run{run(0, 2, 0)}}, {1, []Run{run(2, 2, 2)}}}, ReasonRuns},
		{[]ChunkRuns{{0, []Run{run(1, 2, 0), run(2, 2, 2)}}}, ReasonRuns},
		{[]ChunkRuns{{0, []Run{run(254, 4, 0)}}}, ReasonRuns},
		{[]ChunkRuns{{0, []Run{run(0, 4, 1)}}}, ReasonRuns},
		{[]ChunkRuns{{0, []Run{run(0, 2, 0), run(8, 2, 1)}}}, ReasonBlob},
		{[]ChunkRuns{{0, []Run{{Page: 0, Pages: 4}}}}, ReasonBlob},
	} {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			f := &Flush{Branch: b, Epoch: e.volume(b).Epoch, Upto: 1, Chunks: c.chunks, Blobs: []store.Placed{blob}}
			_, err := e.c.Flush(ctx, e.ns, f)
			requireFails(t, err, store.KindInvalid, c.reason)
		})
	}
	require.Zero(t, e.volume(b).Flushed)
	f := &Flush{Branch: b, Epoch: e.volume(b).Epoch, Upto: 1, Chunks: []ChunkRuns{{0, []Run{run(0, 4, 0)}}}}
	_, err := e.c.Flush(ctx, e.ns, f)
	requireFails(t, err, store.KindInvalid, ReasonMalformed)
	f.Blobs = []store.Placed{blob}
	f.From, f.Upto = 1, 2
	_, err = e.c.Flush(ctx, e.ns, f)
	requireFails(t, err, store.KindPrecondition, ReasonGap)
	f.From = 0
	e.now = e.now.Add(12 * time.Hour)
	_, err = e.c.Flush(ctx, e.ns, f)
	require.True(t, store.Is(err, store.KindTooOld), "%v", err)
	require.Empty(t, e.read(Target{Branch: b}))
	e.audit()
}
