package meta

import (
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	pb "cairn/proto"
	"cairn/store"
)

func someRun() *pb.MetaCommand {
	return &pb.MetaCommand{Cmd: &pb.MetaCommand_Run{Run: &pb.MetaRun{
		Range: 1, Gen: 2, Ns: 3, Key: []byte("k"), Cmd: []byte("machine"),
		Placed: []*pb.PlacedBlob{{Blob: make([]byte, 16), Gen: 4, Missing: 5}},
	}}}
}

// Logs of earlier versions are read.
func TestCommandFormats(t *testing.T) {
	old, err := proto.MarshalOptions{}.MarshalAppend([]byte{formatWhole}, someRun())
	require.NoError(t, err)
	now, err := encodeCommand(someRun())
	require.NoError(t, err)
	require.EqualValues(t, formatSplit, now[0])
	for _, raw := range [][]byte{old, now} {
		c, err := decodeCommand(raw)
		require.NoError(t, err)
		require.True(t, proto.Equal(someRun(), c), "%v", c)
	}
	_, err = decodeCommand([]byte{formatSplit + 1})
	require.True(t, store.Is(err, store.KindUnknownFormat))
}

// What a peer sends is refused as invalid or means one thing.
func FuzzDecodeCommand(f *testing.F) {
	for _, c := range []*pb.MetaCommand{someRun(), {Cmd: &pb.MetaCommand_Adopt{Adopt: &pb.MetaAdopt{Range: 1, Start: []byte("a")}}}} {
		raw, err := encodeCommand(c)
		require.NoError(f, err)
		f.Add(raw)
		f.Add(raw[:len(raw)/2])
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		c, err := decodeCommand(raw)
		if err != nil {
			require.True(t, store.Is(err, store.KindInvalid) || store.Is(err, store.KindUnknownFormat), "%v", err)
			return
		}
		again, err := encodeCommand(c)
		require.NoError(t, err)
		back, err := decodeCommand(again)
		require.NoError(t, err)
		require.True(t, proto.Equal(c, back))
	})
}
