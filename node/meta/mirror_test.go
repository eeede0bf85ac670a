package meta

import (
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	pb "cairn/proto"
	"cairn/store"
)

// The mirror is what the rows say after every command: also after one that
// failed, that was repeated, or that brought a further range.
func TestMirrorFollowsTheRows(t *testing.T) {
	b := newBench(t)
	nextRange := uint64(benchRange)
	rapid.Check(t, func(t *rapid.T) {
		if rapid.IntRange(0, 9).Draw(t, "adopt") == 0 {
			nextRange += rapid.Uint64Range(0, 1).Draw(t, "fresh")
			_, err := b.do(&pb.MetaCommand{Cmd: &pb.MetaCommand_Adopt{Adopt: &pb.MetaAdopt{
				Range: nextRange, Ns: uint64(benchNS) + nextRange,
			}}})
			require.NoError(t, err)
		}
		key := rapid.SampledFrom([]string{"b", "c", "d"}).Draw(t, "key")
		value := rapid.SampledFrom([]string{"", "x", "yy"}).Draw(t, "value")
		op := rapid.SampledFrom([]byte{opPin, opPin, opUnpin}).Draw(t, "op")
		before := b.pinned(key)
		reply, err := b.do(&pb.MetaCommand{Cmd: &pb.MetaCommand_Run{Run: b.command(op, key, []byte(value))}})
		if op == opUnpin {
			require.True(t, store.Is(err, store.KindPrecondition), "%v", err)
			require.Equal(t, before, b.pinned(key))
		} else {
			require.NoError(t, err)
			require.Equal(t, value, string(reply), "a command sees its own change")
			require.Equal(t, value, b.pinned(key))
		}
		fresh := newMirror(b.srv.machines)
		snap, err := b.g.ReadLocal()
		require.NoError(t, err)
		defer snap.Close()
		require.NoError(t, fresh.load(snap))
		require.Equal(t, fresh.state.Load(), b.mirror.state.Load())
	})
}

// pinned returns a pinned row as a query sees it.
func (b *bench) pinned(key string) string {
	state := b.mirror.state.Load()
	v, _, err := (&reader{rng: state.ranges[benchRange], mirror: b.mirror, state: state}).Get(pinCol, []byte(key), nil)
	require.NoError(b.t, err)
	return string(v)
}
