package meta

import (
	"context"
	"log/slog"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"cairn/node/fabric"
	"cairn/node/raftgroup"
	"cairn/node/root"
	pb "cairn/proto"
	"cairn/store"
)

// oneRef is a machine whose rows refer to one blob each.
type oneRef struct{}

const (
	refCol = store.Col(0x10)

	opRef   = 'r' // blob: the key's row refers to it from now on
	opUnref = 'u' // the key's row goes, its blob is free
	opFail  = 'f' // blob: as opRef, and then an error
	opStray = 's' // writes a row of another key, that follows
	opPin   = 'p' // value, none to delete: the key's pinned row; answers it as read back
	opUnpin = 'q' // as opPin, and then an error

	pinCol = store.Col(0x11)
)

func (oneRef) Pinned() []store.Col { return []store.Col{pinCol} }

func (oneRef) Kind() store.Kind               { return store.KindObject }
func (oneRef) Inspect(b []byte) (bool, error) { return b[0] == opUnref, nil }

func (oneRef) Apply(tx store.Txn, _ store.Time, cmd []byte) ([]byte, error) {
	op, key, arg := cmd[0], cmd[1:2], cmd[2:]
	switch op {
	case opRef, opFail:
		if err := tx.Ref(store.BlobID(arg)); err != nil {
			return nil, err
		}
		tx.Put(refCol, key, nil, arg)
		if op == opFail {
			return nil, &store.Error{Op: "test", Kind: store.KindPrecondition}
		}
	case opUnref:
		if v, ok, err := tx.Get(refCol, key, nil); err != nil || !ok {
			return nil, err
		} else {
			tx.Unref(store.Ref{Blob: store.BlobID(v), Len: 7})
		}
		tx.Delete(refCol, key, nil)
	case opStray:
		tx.Put(refCol, arg, nil, nil)
	case opPin, opUnpin:
		if tx.Delete(pinCol, key, nil); len(arg) > 0 {
			tx.Put(pinCol, key, nil, arg)
		}
		v, _, err := tx.Get(pinCol, key, nil)
		if op == opUnpin && err == nil {
			err = &store.Error{Op: "test", Kind: store.KindPrecondition}
		}
		return v, err
	}
	return nil, nil
}

func (oneRef) Read(rd store.Reader, q []byte) ([]byte, error) {
	v, _, err := rd.Get(refCol, q, nil)
	return v, err
}

func (oneRef) References(rd store.Reader, key []byte, blobs []store.BlobID) (named []bool, err error) {
	v, ok, err := rd.Get(refCol, key, nil)
	for _, b := range blobs {
		named = append(named, ok && slices.Equal(v, b[:]))
	}
	return named, err
}

// bench is a server with one group of one voter, which owns the keys from "b" to
// "n" of a namespace, and a clock that stands still.
type bench struct {
	t      *testing.T
	view   *root.View
	srv    *Server
	g      *raftgroup.Group
	mirror *mirror
	now    atomic.Int64
	seq    uint64
}

const (
	benchGroup = 3
	benchRange = 5
)

var benchNS = store.MakeNS(store.KindObject, 9)

func newBench(t *testing.T) *bench {
	b := &bench{t: t, view: root.NewView()}
	b.now.Store(store.Epoch2020.AddDate(6, 0, 0).UnixMilli())
	f := fabric.NewNetwork().Join(1)
	inc := raftgroup.Incarnation{1}
	host, err := raftgroup.Open(raftgroup.Options{
		Dir: "d", FS: vfs.NewMem(), Fabric: f, Incarnation: inc, HeartbeatTimeout: 50 * time.Millisecond,
		Clock: func() time.Time { return time.UnixMilli(b.now.Load()) },
	})
	require.NoError(t, err)
	t.Cleanup(func() { f.Close(); host.Close() })
	b.srv = NewServer(host, b.view, f, slog.New(slog.DiscardHandler), oneRef{})
	require.NoError(t, b.srv.Open(benchGroup, []raftgroup.Member{{Node: 1, Incarnation: inc, Voter: true}}))
	replica, err := b.srv.group(benchGroup)
	require.NoError(t, err)
	b.g, b.mirror = replica.Group, replica.mirror
	require.Eventually(t, b.g.IsLeader, time.Minute, time.Millisecond)
	b.adopt()
	return b
}

// adopt gives the group its range, as often as it is called.
func (b *bench) adopt() {
	_, err := b.do(&pb.MetaCommand{Cmd: &pb.MetaCommand_Adopt{Adopt: &pb.MetaAdopt{
		Range: benchRange, Ns: uint64(benchNS), Start: []byte("b"), End: []byte("n"),
	}}})
	require.NoError(b.t, err)
}

func (b *bench) advance(d time.Duration) { b.now.Add(d.Milliseconds()) }

// do sends one command to the server, as a client does.
func (b *bench) do(c *pb.MetaCommand) ([]byte, error) {
	raw, err := encodeCommand(c)
	require.NoError(b.t, err)
	b.seq++
	head, err := framed(nil, &pb.MetaDoRequest{Group: benchGroup, Client: 1, Seq: b.seq, Oldest: b.seq}, raw)
	require.NoError(b.t, err)
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	msg, err := b.srv.do(ctx, fabric.Peer{}, &fabric.Message{Head: head})
	if err != nil {
		return nil, err
	}
	return msg.Head, nil
}

// run sends a command of the machine to the range.
func (b *bench) run(op byte, key string, arg []byte, placed ...*pb.PlacedBlob) error {
	return b.runAt(b.command(op, key, arg, placed...))
}

func (b *bench) command(op byte, key string, arg []byte, placed ...*pb.PlacedBlob) *pb.MetaRun {
	return &pb.MetaRun{
		Range: benchRange, Gen: 1, Ns: uint64(benchNS), Key: []byte(key),
		Cmd: slices.Concat([]byte{op}, []byte(key), arg), Placed: placed,
	}
}

func (b *bench) runAt(r *pb.MetaRun) error {
	_, err := b.do(&pb.MetaCommand{Cmd: &pb.MetaCommand_Run{Run: r}})
	return err
}

// refer makes a key refer to a blob with a receipt that lists owed shards.
func (b *bench) refer(key string, blob store.BlobID, missing uint32) error {
	return b.run(opRef, key, blob[:], &pb.PlacedBlob{Blob: blob[:], Gen: 1, Missing: missing})
}

// blob makes the id of a blob of this moment.
func (b *bench) blob(seq uint32) store.BlobID {
	return store.MakeBlobID(1, uint32(store.Time(b.now.Load()).CreatedSeconds()), 1, seq)
}

// rows returns a snapshot of the group, which ends with the test.
func (b *bench) rows() *raftgroup.Snapshot {
	snap, err := b.g.ReadLocal()
	require.NoError(b.t, err)
	b.t.Cleanup(snap.Close)
	return snap
}

func (b *bench) debts() (out []Debt) {
	for d, err := range Debts(b.rows(), store.BlobID{}) {
		require.NoError(b.t, err)
		out = append(out, d)
	}
	return out
}

func (b *bench) queued() (out []Deletion) {
	for d, err := range Deletions(b.rows(), ^uint32(0)-1) {
		require.NoError(b.t, err)
		out = append(out, d)
	}
	return out
}

// refers returns what a key's row refers to; the zero id if there is no row.
func (b *bench) refers(key string) (blob store.BlobID) {
	state := b.mirror.state.Load()
	rng, err := state.owned(benchRange, 1, benchNS, []byte(key))
	require.NoError(b.t, err)
	v, _, err := (&reader{rows: b.rows(), rng: rng, mirror: b.mirror, state: state}).Get(refCol, []byte(key), nil)
	require.NoError(b.t, err)
	copy(blob[:], v)
	return blob
}

// resolve asks, in the log, whether a blob is dead.
func (b *bench) resolve(key string, blob store.BlobID) (dead, used bool) {
	raw, err := b.do(&pb.MetaCommand{Cmd: &pb.MetaCommand_Resolve{
		Resolve: &pb.MetaResolve{Ns: uint64(benchNS), Key: []byte(key), Blob: blob[:]},
	}})
	require.NoError(b.t, err)
	var r pb.MetaResolveReply
	require.NoError(b.t, proto.Unmarshal(raw, &r))
	return r.Dead, r.Used
}
