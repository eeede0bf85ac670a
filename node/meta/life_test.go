package meta

import (
	"context"
	"encoding/binary"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"cairn/node/raftgroup"
	"cairn/placement"
	pb "cairn/proto"
	"cairn/store"
)

// Invariant 1: what a receipt owes is recorded by the command that refers to the
// blob, together with it or not at all.
func TestOwedShardsComeWithTheReference(t *testing.T) {
	b := newBench(t)
	first, second, failed := b.blob(1), b.blob(2), b.blob(3)
	require.NoError(t, b.refer("k", first, 0b101))
	require.NoError(t, b.refer("l", second, 0))
	err := b.run(opFail, "m", failed[:], &pb.PlacedBlob{Blob: failed[:], Gen: 1, Missing: 1})
	require.True(t, store.Is(err, store.KindPrecondition))
	require.Equal(t, []Debt{{first, 0b101}}, b.debts())
	require.Zero(t, b.refers("m"))

	require.NoError(t, Repaired(context.Background(), b.g, raftgroup.NewSession(9), []Debt{{first, 0b001}, {failed, 1}}))
	require.Equal(t, []Debt{{first, 0b100}}, b.debts())
	require.NoError(t, b.run(opUnref, "k", nil))
	require.Empty(t, b.debts(), "nothing is owed of a blob that is to go")
}

// A receipt that is older than the leader's row owes all slots that may have
// changed hands since.
func TestReceiptOfAnOlderRowOwesItsSlots(t *testing.T) {
	b := newBench(t)
	key := binary.BigEndian.AppendUint32([]byte{'P'}, 1)
	row := placement.PG{ID: 1, Policy: 1, Gen: 2, Holders: []placement.DiskID{1, 2, 4}, Prev: []placement.DiskID{0, 0, 3}}
	require.NoError(t, b.view.Update([]*pb.Row{{Key: key, Value: placement.AppendPG(nil, &row)}}, 1, false))
	require.NoError(t, b.refer("k", b.blob(1), 0))
	require.Equal(t, []Debt{{b.blob(1), 0b111}}, b.debts())
}

// A fill that passed over a blob which nothing referred to is remembered by the
// log: a commit that comes later owes the slot, though the leader's map is as old
// as the receipt.
func TestBlobPassedOverByAFillOwesItsSlot(t *testing.T) {
	b := newBench(t)
	require.NoError(t, b.refer("k", b.blob(1), 0))
	pass := func(key string, blob store.BlobID) {
		_, err := b.do(&pb.MetaCommand{Cmd: &pb.MetaCommand_Resolve{Resolve: &pb.MetaResolve{
			Ns: uint64(benchNS), Key: []byte(key), Blob: blob[:], Owing: &pb.OwedSlots{Gen: 2, Slots: 0b100},
		}}})
		require.NoError(t, err)
	}
	pass("k", b.blob(1)) // it is referred to: the fill does not pass it over
	require.NoError(t, b.refer("l", b.blob(2), 0))
	require.Empty(t, b.debts())
	pass("m", b.blob(3))
	require.NoError(t, b.refer("m", b.blob(3), 0b001))
	newer := b.blob(4)
	require.NoError(t, b.run(opRef, "c", newer[:], &pb.PlacedBlob{Blob: newer[:], Gen: 2}))
	require.Equal(t, []Debt{{b.blob(3), 0b101}}, b.debts())
}

// Invariant 3: a blob of 12 hours is refused, whatever the leader's clock says
// next: group time does not run backwards.
func TestOldBlobsAreRefused(t *testing.T) {
	b := newBench(t)
	inTime, late := b.blob(1), b.blob(2)
	b.advance(12*time.Hour - time.Second)
	require.NoError(t, b.refer("k", inTime, 0))
	b.advance(time.Second)
	require.True(t, store.Is(b.refer("l", late, 0), store.KindTooOld))
	b.advance(-6 * time.Hour)
	require.True(t, store.Is(b.refer("l", late, 0), store.KindTooOld))
	require.Zero(t, b.refers("l"))
}

// Invariant 3: "dead" is final. It is said of nothing that a row refers to or
// that may still be committed, and what it was said of is refused from then on.
func TestLateCommitAfterResolve(t *testing.T) {
	b := newBench(t)
	kept, orphan := b.blob(1), b.blob(2)
	require.NoError(t, b.refer("k", kept, 0))
	b.advance(24 * time.Hour)
	for _, blob := range []store.BlobID{kept, orphan} {
		dead, used := b.resolve("k", blob)
		require.False(t, dead, "it is not older than a day")
		require.Equal(t, blob == kept, used)
	}
	b.advance(time.Second)
	dead, used := b.resolve("k", kept)
	require.True(t, !dead && used)
	dead, used = b.resolve("k", orphan)
	require.True(t, dead && !used)
	b.advance(-24 * time.Hour) // the next leader's clock is a day behind
	require.True(t, store.Is(b.refer("l", orphan, 0), store.KindTooOld))
}

// Invariant 4: a blob that lost its last reference waits 15 minutes in the
// queue, and only in its queue's rows.
func TestFreedBlobsWaitTheGrace(t *testing.T) {
	b := newBench(t)
	blob := b.blob(1)
	require.NoError(t, b.refer("k", blob, 0))
	require.Empty(t, b.queued())
	b.advance(time.Hour)
	freed := uint32(store.Time(b.now.Load()).CreatedSeconds())
	require.NoError(t, b.run(opUnref, "k", nil))
	require.Equal(t, []Deletion{{Due: freed + 15*60, Blob: blob, Bytes: 7}}, b.queued())
}

// A blob that was let go is never referred to again: it may be gone already.
func TestFreedBlobsAreNotReferredToAgain(t *testing.T) {
	b := newBench(t)
	blob := b.blob(1)
	require.NoError(t, b.refer("k", blob, 0))
	require.NoError(t, b.run(opUnref, "k", nil))
	require.True(t, store.Is(b.refer("k", blob, 0), store.KindTooOld))
	b.advance(time.Hour)
	require.NoError(t, Collected(context.Background(), b.g, raftgroup.NewSession(9), b.queued(), nil))
	require.Empty(t, b.queued())
	require.True(t, store.Is(b.refer("k", blob, 0), store.KindTooOld), "it is gone from the disks")

	b.advance(12 * time.Hour) // from here on the fence refuses it: nothing is kept of it
	require.NoError(t, b.refer("k", b.blob(2), 0))
	require.NoError(t, b.run(opUnref, "k", nil))
	require.NoError(t, Collected(context.Background(), b.g, raftgroup.NewSession(9), b.queued(), nil))
	require.True(t, store.Is(b.refer("k", blob, 0), store.KindTooOld))
	it, err := b.rows().Iter([]byte{colFreed}, []byte{colFreed + 1})
	require.NoError(t, err)
	defer it.Close()
	n := 0
	for it.Next() {
		n++
	}
	require.Equal(t, 1, n)
}

// What a disk that is away has to delete waits for it in rows of its own, once,
// and ends for it alone.
func TestDeletionsAreHeldForSingleDisks(t *testing.T) {
	b := newBench(t)
	for seq := range uint32(3) {
		require.NoError(t, b.refer(string(rune('c'+seq)), b.blob(seq), 0))
		require.NoError(t, b.run(opUnref, string(rune('c'+seq)), nil))
	}
	ctx, s, all := context.Background(), raftgroup.NewSession(9), b.queued()
	require.Len(t, all, 3)
	held := map[placement.DiskID][]Deletion{4: all[1:], 9: all[2:]}
	require.NoError(t, Collected(ctx, b.g, s, all[1:], held))
	require.Equal(t, all[:1], b.queued())
	require.Equal(t, map[placement.DiskID][]store.BlobID{4: {b.blob(1), b.blob(2)}, 9: {b.blob(2)}}, b.held())

	require.NoError(t, Released(ctx, b.g, s, 4, all[1:2]))
	require.NoError(t, Collected(ctx, b.g, s, all[1:], held)) // by a leader that comes late
	require.Equal(t, map[placement.DiskID][]store.BlobID{4: {b.blob(2)}, 9: {b.blob(2)}}, b.held())
	require.NoError(t, Released(ctx, b.g, s, 4, all))
	require.Equal(t, map[placement.DiskID][]store.BlobID{9: {b.blob(2)}}, b.held())
}

func (b *bench) held() map[placement.DiskID][]store.BlobID {
	out := map[placement.DiskID][]store.BlobID{}
	disks, err := HeldDisks(b.rows())
	require.NoError(b.t, err)
	for _, d := range disks {
		for r, err := range Held(b.rows(), d) {
			require.NoError(b.t, err)
			out[d] = append(out[d], r.Blob)
		}
	}
	return out
}
