package meta

import (
	"testing"

	"github.com/stretchr/testify/require"

	pb "cairn/proto"
	"cairn/store"
)

// Invariants 5 and 6: a command runs only in the range that its sender meant, at
// the generation it believes in, and touches no key outside of it.
func TestCommandsForOtherRangesAreRefused(t *testing.T) {
	b := newBench(t)
	blob := b.blob(1)
	good := func() *pb.MetaRun {
		return &pb.MetaRun{
			Range: benchRange, Gen: 1, Ns: uint64(benchNS), Key: []byte("k"),
			Cmd: append([]byte{opRef, 'k'}, blob[:]...), Placed: []*pb.PlacedBlob{{Blob: blob[:], Gen: 1}},
		}
	}
	for name, spoil := range map[string]func(*pb.MetaRun){
		"newer generation":  func(r *pb.MetaRun) { r.Gen = 2 },
		"older generation":  func(r *pb.MetaRun) { r.Gen = 0 },
		"another range":     func(r *pb.MetaRun) { r.Range++ },
		"another namespace": func(r *pb.MetaRun) { r.Ns++ },
		"a key before it":   func(r *pb.MetaRun) { r.Key = []byte("a") },
		"a key behind it":   func(r *pb.MetaRun) { r.Key = []byte("n") },
	} {
		r := good()
		spoil(r)
		require.True(t, store.Is(b.runAt(r), store.KindMoved), name)
	}
	for _, key := range []string{"a", "n"} {
		r := good()
		r.Cmd = append([]byte{opStray, 'k'}, key...)
		require.True(t, store.Is(b.runAt(r), store.KindInvalid), "row of key %s", key)
	}
	require.Zero(t, b.refers("k"))
	require.NoError(t, b.runAt(good()))
	require.Equal(t, blob, b.refers("k"))
}

// Invariant 5: a late duplicate of Adopt does not set a range back.
func TestRangesAreAdoptedOnce(t *testing.T) {
	b := newBench(t)
	_, err := b.do(&pb.MetaCommand{Cmd: &pb.MetaCommand_Adopt{Adopt: &pb.MetaAdopt{
		Range: benchRange, Ns: uint64(benchNS), Start: []byte("m"),
	}}})
	require.NoError(t, err)
	require.NoError(t, b.refer("k", b.blob(1), 0), "the range begins where it did")
}
