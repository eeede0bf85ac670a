package root_test

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"cairn/node/fabric"
	"cairn/node/raftgroup"
	"cairn/node/root"
	"cairn/placement"
	pb "cairn/proto"
	"cairn/store"
)

// single is a root group of one replica with a client.
type single struct {
	*root.Client
	t    *testing.T
	net  *fabric.Network
	host *raftgroup.Host
	srv  *root.Server
}

func start(t *testing.T) *single {
	t.Helper()
	net := fabric.NewNetwork()
	f := net.Join(1)
	inc := raftgroup.Incarnation{1}
	host, err := raftgroup.Open(raftgroup.Options{Dir: t.TempDir(), Fabric: f, Incarnation: inc, HeartbeatTimeout: 50 * time.Millisecond})
	require.NoError(t, err)
	srv := root.NewServer(host, f)
	require.NoError(t, srv.Open([]raftgroup.Member{{Node: 1, Incarnation: inc, Voter: true}}))
	s := &single{t: t, net: net, host: host, srv: srv, Client: client(f, 1<<63|1)}
	t.Cleanup(func() { s.Close(); srv.Close(); f.Close(); host.Close() })
	s.must(&pb.RootCommand{Cmd: &pb.RootCommand_Init{Init: &pb.ClusterRow{ClusterId: make([]byte, 16)}}}, nil)
	return s
}

func client(f fabric.Fabric, id uint64) *root.Client {
	return root.StartClient(root.ClientConfig{
		Fabric: f, Logger: slog.New(slog.DiscardHandler), Seeds: []placement.NodeID{1},
		Session: raftgroup.NewSession(id), Beat: func() *pb.HeartbeatRequest { return nil },
	})
}

func (s *single) do(cmd *pb.RootCommand, reply *pb.RegisterReply) error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if reply == nil {
		return s.Propose(ctx, cmd, nil)
	}
	return s.Propose(ctx, cmd, reply)
}

func (s *single) must(cmd *pb.RootCommand, reply *pb.RegisterReply) {
	s.t.Helper()
	require.NoError(s.t, s.do(cmd, reply))
}

func register(name, zone string, inc byte, disks ...byte) *pb.RootCommand {
	r := &pb.RegisterNode{Node: &pb.NodeRow{Name: name, Zone: zone, Incarnation: make([]byte, 16)}}
	r.Node.Incarnation[0] = inc
	for _, d := range disks {
		uuid := make([]byte, 16)
		uuid[0] = d
		r.Disks = append(r.Disks, &pb.DiskRow{Uuid: uuid, Bytes: 1 << 40})
	}
	return &pb.RootCommand{Cmd: &pb.RootCommand_Register{Register: r}}
}

// A node keeps its number and a disk its own, whatever becomes of the other.
func TestNodesAndDisksKeepTheirNumbers(t *testing.T) {
	s := start(t)
	var a, again, wiped, moved pb.RegisterReply
	s.must(register("a1", "a", 1, 10, 11), &a)
	s.must(register("a1", "a", 1, 10, 11), &again)
	require.Equal(t, a.Node, again.Node)
	require.Equal(t, a.Disks, again.Disks)

	s.must(register("a1", "a", 2, 12), &wiped) // lost its directory and its disks
	require.Equal(t, a.Node, wiped.Node)
	require.NotContains(t, a.Disks, wiped.Disks[0])

	s.must(register("b1", "b", 3, 11), &moved) // a disk that was plugged in elsewhere
	require.Equal(t, a.Disks[1], moved.Disks[0])
	require.Equal(t, moved.Node, s.View().Disk(placement.DiskID(a.Disks[1])).Node)

	err := s.do(register("a1", "b", 2), nil)
	require.Equal(t, store.KindConflict, store.KindOf(err), "a node changed its zone")
	err = s.do(register("bad name", "b", 2), nil)
	require.Equal(t, store.KindInvalid, store.KindOf(err))
}

// Invariant 7: a row changes by compare-and-swap on its generation.
func TestPlacementRowsAreSwapped(t *testing.T) {
	s := start(t)
	ctx := context.Background()
	pg := &placement.PG{ID: 5, Policy: 1, Gen: 1, Holders: []placement.DiskID{1, 2, 3}}
	require.NoError(t, s.SetPG(ctx, pg))
	first, err := pg.Begin(placement.Move{PG: 5, Slot: 0, From: 1, To: 4})
	require.NoError(t, err)
	second, err := pg.Begin(placement.Move{PG: 5, Slot: 1, From: 2, To: 5})
	require.NoError(t, err)
	require.NoError(t, s.SetPG(ctx, &first))
	require.Equal(t, store.KindConflict, store.KindOf(s.SetPG(ctx, &second)))
	require.Equal(t, first.Holders, s.View().PG(5).Holders)
}

// A node that was away, however long, has the same map as one that was not.
func TestViewsAgree(t *testing.T) {
	s := start(t)
	late := client(s.net.Join(2), 1<<63|2)
	defer late.Close()
	for i := range 300 {
		_, err := s.CreateName(context.Background(), store.Name{
			Kind: store.NameUser, Name: string(rune('a'+i%26)) + time.Duration(i).String(), Attrs: make([]byte, 20<<10),
		})
		require.NoError(t, err)
	}
	require.NoError(t, late.Sync(context.Background()))
	fresh := client(s.net.Join(3), 1<<63|3) // several pages of rows
	defer fresh.Close()
	require.NoError(t, fresh.Sync(context.Background()))
	for _, c := range []*root.Client{late, fresh} {
		require.Equal(t, s.View().NameCount(store.NameUser), c.View().NameCount(store.NameUser))
	}
}

// Invariant 2: no two processes ever make blob ids with the same number.
func TestWriterNumbersAreUsedOnce(t *testing.T) {
	s := start(t)
	seen := map[uint32]bool{}
	for i := range uint64(4) {
		c := client(s.net.Join(2), 1<<63|2+i) // each process is a client of its own
		var r pb.WriterReply
		require.NoError(t, c.Propose(context.Background(), &pb.RootCommand{Cmd: &pb.RootCommand_NextWriter{NextWriter: &pb.NextWriter{}}}, &r))
		c.Close()
		require.False(t, seen[r.Writer] || r.Writer == 0, "writer %d", r.Writer)
		seen[r.Writer] = true
	}
}
