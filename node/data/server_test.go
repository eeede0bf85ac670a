package data

import (
	"context"
	"io"
	"log/slog"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"google.golang.org/protobuf/proto"

	"cairn/internal/arena"
	"cairn/node/data/disk"
	"cairn/node/fabric"
	"cairn/placement"
	pb "cairn/proto"
	"cairn/store"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var (
	bg      = context.Background()
	cluster = [16]byte{1}
)

const (
	holder placement.NodeID = 1 // has the disks
	caller placement.NodeID = 2
	dsk    placement.DiskID = 7
)

// rig is a node with one adopted disk, and a client on another node.
type rig struct {
	server *Server
	disk   *disk.Disk
	fabric *fabric.Inproc // the caller's
	client *Client
}

func newRig(t testing.TB, opts disk.Options) *rig {
	dir := filepath.Join(t.TempDir(), "disk")
	require.NoError(t, disk.Format(dir, disk.Identity{UUID: [16]byte{5}}))
	d, err := disk.Open(dir, opts)
	require.NoError(t, err)
	net := fabric.NewNetwork()
	at := net.Join(holder)
	r := &rig{server: NewServer(at, slog.New(slog.NewTextHandler(io.Discard, nil))), disk: d, fabric: net.Join(caller)}
	r.server.Add(d, dir, placement.DiskSSD)
	require.NoError(t, r.server.Adopt(d, cluster, dsk))
	r.client = NewClient(r.fabric)
	t.Cleanup(func() {
		r.fabric.Close()
		at.Close()
		require.NoError(t, r.server.Close(true))
	})
	return r
}

func shard(seq uint32) disk.Shard {
	return disk.Shard{
		ShardID: disk.ShardID{Blob: store.MakeBlobID(3, 4000*seq, 1, seq), Index: 1}, K: 2, M: 1, BlobLen: 200_000,
		Owner: store.Owner{NS: store.MakeNS(store.KindFile, 8), Key: []byte("inode 5")},
	}
}

func body(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i * i >> 3)
	}
	return b
}

func TestShardsOverTheWire(t *testing.T) {
	arena.CheckLeaks(t)
	r := newRig(t, disk.Options{})
	data := body(100_000)
	for seq := uint32(1); seq <= 5; seq++ {
		require.NoError(t, r.client.Write(bg, holder, dsk, shard(seq), 1, data, disk.CRC(data)))
	}
	require.NoError(t, r.client.Write(bg, holder, dsk, shard(1), 1, data, disk.CRC(data)), "a retry")

	for _, at := range [][2]int{{0, len(data)}, {0, 1}, {16384, 16384}, {99_999, 1}, {5000, 50_000}} {
		got, err := r.client.Read(bg, holder, dsk, shard(2).ShardID, at[0], at[1])
		require.NoError(t, err)
		require.Equal(t, data[at[0]:at[0]+at[1]], slices.Concat(got.Parts()...))
		got.Release()
		got.Release()
	}
	sh, err := r.client.Describe(bg, holder, dsk, shard(2).ShardID)
	require.NoError(t, err)
	require.Equal(t, shard(2), sh)

	require.NoError(t, r.client.Delete(bg, holder, dsk, []store.BlobID{shard(4).Blob, shard(9).Blob}))
	var all []disk.Entry
	var after store.BlobID
	for more := true; more; {
		var page []disk.Entry
		page, more, err = r.client.List(bg, holder, dsk, 3, after, 2)
		require.NoError(t, err)
		all = append(all, page...)
		after = page[len(page)-1].Blob
	}
	require.Len(t, all, 6)
	require.Equal(t, disk.Entry{ShardID: shard(3).ShardID, Len: 100_000, State: disk.Present}, all[2])
	require.Equal(t, disk.Entry{ShardID: disk.ShardID{Blob: shard(4).Blob}, State: disk.Deleted}, all[3])

	hours, err := r.client.Digest(bg, holder, dsk, 3)
	require.NoError(t, err)
	local, err := r.disk.Digest(bg, 3)
	require.NoError(t, err)
	require.Equal(t, local, hours)
	require.NotEmpty(t, hours)
}

// What the caller must do next depends on the kind, so each must arrive.
func TestErrorKindsArrive(t *testing.T) {
	arena.CheckLeaks(t)
	r := newRig(t, disk.Options{})
	data := body(1000)
	require.NoError(t, r.client.Write(bg, holder, dsk, shard(1), 1, data, disk.CRC(data)))

	err := r.client.Write(bg, holder, dsk, shard(1), 1, body(999), disk.CRC(body(999)))
	require.True(t, store.Is(err, store.KindConflict))
	require.Equal(t, "content", store.ReasonOf(err))

	require.NoError(t, r.client.Fence(bg, holder, dsk, 3, 5))
	require.True(t, store.Is(r.client.Write(bg, holder, dsk, shard(2), 4, data, disk.CRC(data)), store.KindStaleMap))
	require.NoError(t, r.client.Write(bg, holder, dsk, shard(2), 5, data, disk.CRC(data)))

	require.NoError(t, r.client.Delete(bg, holder, dsk, []store.BlobID{shard(1).Blob}))
	_, err = r.client.Read(bg, holder, dsk, shard(1).ShardID, 0, 1)
	require.True(t, store.Is(err, store.KindNotFound))
	require.Equal(t, "deleted", store.ReasonOf(r.client.Write(bg, holder, dsk, shard(1), 5, data, disk.CRC(data))))

	require.True(t, store.Is(r.client.Fence(bg, holder, 99, 3, 5), store.KindUnavailable), "a disk that is not here")
	require.True(t, store.Is(r.client.Fence(bg, 44, dsk, 3, 5), store.KindUnavailable), "a node that is not here")
}

func TestDiskIsServedOnceItHasItsNumber(t *testing.T) {
	r := newRig(t, disk.Options{})
	dir := filepath.Join(t.TempDir(), "second")
	require.NoError(t, disk.Format(dir, disk.Identity{UUID: [16]byte{6}}))
	d, err := disk.Open(dir, disk.Options{Capacity: 64 << 20})
	require.NoError(t, err)
	r.server.Add(d, dir, placement.DiskHDD)
	require.True(t, store.Is(r.client.Fence(bg, holder, 8, 1, 1), store.KindUnavailable))
	require.True(t, store.Is(r.client.Fence(bg, holder, 0, 1, 1), store.KindUnavailable))

	require.NoError(t, r.server.Adopt(d, cluster, 8))
	require.NoError(t, r.client.Fence(bg, holder, 8, 1, 1))
	require.True(t, store.Is(r.server.Adopt(d, [16]byte{2}, 8), store.KindConflict), "of another cluster")
	require.Len(t, r.server.Disks(), 2)

	rows := r.server.Rows()
	require.Equal(t, []byte{6}, rows[1].Uuid[:1])
	require.Equal(t, uint64(64<<20), rows[1].Bytes)
	beats := r.server.Beats()
	require.Equal(t, []uint32{7, 8}, []uint32{beats[0].Disk, beats[1].Disk})
}

func TestBeatSaysWhenADiskIsFull(t *testing.T) {
	r := newRig(t, disk.Options{Capacity: 1 << 20})
	require.Equal(t, Healthy, Health(r.server.Beats()[0].Health))
	var err error
	for seq := uint32(1); err == nil; seq++ {
		err = r.client.Write(bg, holder, dsk, shard(seq), 1, body(9_000), disk.CRC(body(9_000)))
	}
	require.True(t, store.Is(err, store.KindNoSpace))
	beat := r.server.Beats()[0]
	require.Equal(t, Full, Health(beat.Health), "%v", beat)

	require.NoError(t, r.disk.Close())
	beat = r.server.Beats()[0]
	require.Equal(t, Failed, Health(beat.Health), "a disk that does not answer is no healthy one")
	require.NotEmpty(t, beat.Why)
}

// flipper damages the body of every reply on its way.
type flipper struct{ fabric.Fabric }

func (f flipper) Call(ctx context.Context, to placement.NodeID, m fabric.Method, req *fabric.Message) (*fabric.Message, error) {
	reply, err := f.Fabric.Call(ctx, to, m, req)
	if err == nil && reply.BodyLen() > 0 {
		reply.Body[0][0] ^= 1
	}
	return reply, err
}

func TestDamageOnTheWayIsNoticed(t *testing.T) {
	arena.CheckLeaks(t)
	r := newRig(t, disk.Options{})
	require.NoError(t, r.client.Write(bg, holder, dsk, shard(1), 1, body(5000), disk.CRC(body(5000))))
	_, err := NewClient(flipper{r.fabric}).Read(bg, holder, dsk, shard(1).ShardID, 0, 5000)
	require.True(t, store.Is(err, store.KindCorrupt), "%v", err)

	sh := shard(2)
	head, err := proto.Marshal(&pb.WriteShardRequest{Disk: uint32(dsk), Blob: sh.Blob[:], K: 1, BlobLen: 5, Crc: 1})
	require.NoError(t, err)
	_, err = r.fabric.Call(bg, holder, MethodWrite, &fabric.Message{Head: head, Body: [][]byte{body(5)}})
	require.Equal(t, "body-crc", store.ReasonOf(err))
	states, err := r.disk.Has(bg, []disk.ShardID{{Blob: sh.Blob}})
	require.NoError(t, err)
	require.Equal(t, disk.Absent, states[0])
}

func TestMalformedRequestsAreRefused(t *testing.T) {
	r := newRig(t, disk.Options{})
	id := shard(1).Blob
	five := body(5)
	for name, c := range map[string]struct {
		m   fabric.Method
		req proto.Message
	}{
		"no blob id":        {MethodWrite, &pb.WriteShardRequest{Disk: 7, K: 1, BlobLen: 5, Crc: disk.CRC(five)}},
		"shard beyond code": {MethodWrite, &pb.WriteShardRequest{Disk: 7, Blob: id[:], Shard: 2, K: 1, M: 1, BlobLen: 5, Crc: disk.CRC(five)}},
		"code wraps round":  {MethodWrite, &pb.WriteShardRequest{Disk: 7, Blob: id[:], K: 0xffffff02, M: 0x101, BlobLen: 5, Crc: disk.CRC(five)}},
		"huge blob":         {MethodWrite, &pb.WriteShardRequest{Disk: 7, Blob: id[:], K: 1, BlobLen: 1 << 30, Crc: disk.CRC(five)}},
		"shard number":      {MethodRead, &pb.ReadShardRequest{Disk: 7, Blob: id[:], Shard: 257, Len: 1}},
		"range":             {MethodRead, &pb.ReadShardRequest{Disk: 7, Blob: id[:], Off: 1 << 31, Len: 1}},
		"half an id":        {MethodDelete, &pb.DeleteBlobsRequest{Disk: 7, Blobs: id[:8]}},
		"list from nowhere": {MethodList, &pb.ListShardsRequest{Disk: 7, Pg: 3, After: id[:3], Limit: 5}},
		"list of nothing":   {MethodList, &pb.ListShardsRequest{Disk: 7, Pg: 3}},
	} {
		head, err := proto.Marshal(c.req)
		require.NoError(t, err)
		msg := &fabric.Message{Head: head}
		if c.m == MethodWrite {
			msg.Body = [][]byte{five}
		}
		_, err = r.fabric.Call(bg, holder, c.m, msg)
		require.True(t, store.Is(err, store.KindInvalid), "%s: %v", name, err)
	}
	st, err := r.disk.Stats()
	require.NoError(t, err)
	require.Zero(t, st.Shards)
}

func TestCloseEndsEverything(t *testing.T) {
	r := newRig(t, disk.Options{})
	require.NoError(t, r.server.Close(true))
	ctx, cancel := context.WithTimeout(bg, time.Minute)
	defer cancel()
	require.Error(t, r.client.Write(ctx, holder, dsk, shard(1), 1, body(5), disk.CRC(body(5))))
}

// Whatever a peer sends, it gets an answer.
func FuzzRequests(f *testing.F) {
	sh := shard(1)
	for _, m := range []proto.Message{
		&pb.WriteShardRequest{Disk: 7, Blob: sh.Blob[:], K: 1, BlobLen: 5, Crc: disk.CRC(body(5))},
		&pb.ReadShardRequest{Disk: 7, Blob: sh.Blob[:], Len: 5},
		&pb.ListShardsRequest{Disk: 7, Pg: 3, After: sh.Blob[:], Limit: 5},
	} {
		head, err := proto.Marshal(m)
		require.NoError(f, err)
		f.Add(uint8(1), head)
	}
	r := newRig(f, disk.Options{})
	f.Fuzz(func(t *testing.T, m uint8, head []byte) {
		method := MethodWrite + fabric.Method(m%uint8(MethodDigest-MethodWrite+1))
		reply, err := r.fabric.Call(bg, holder, method, &fabric.Message{Head: head, Body: [][]byte{body(5)}})
		if err == nil {
			reply.Release()
		}
	})
}
