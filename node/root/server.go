package root

import (
	"context"
	"encoding/binary"
	"sync/atomic"
	"time"

	"google.golang.org/protobuf/proto"

	"cairn/node/fabric"
	"cairn/node/raftgroup"
	pb "cairn/proto"
	"cairn/store"
)

// Methods of the root service.
const (
	MethodPropose   fabric.Method = 0x0201
	MethodWatch     fabric.Method = 0x0202
	MethodReadNames fabric.Method = 0x0203
	MethodHeartbeat fabric.Method = 0x0204
	MethodPing      fabric.Method = 0x0206
)

// Group is the number of the root's Raft group.
const Group raftgroup.GroupID = 0

// watchTime is how long a watch without news is held open, pageBytes how much a
// page of a full answer holds.
const (
	watchTime = 20 * time.Second
	pageBytes = 1 << 20
)

// Server answers the root's calls; on a node with a replica of the root group
// from that, elsewhere by sending the caller on.
type Server struct {
	host   *raftgroup.Host
	group  atomic.Pointer[raftgroup.Group]
	feed   *feed
	beats  *beats
	closed chan struct{}
}

// NewServer returns a server without a replica and registers its calls.
func NewServer(h *raftgroup.Host, f fabric.Fabric) *Server {
	s := &Server{host: h, feed: newFeed(), beats: newBeats(), closed: make(chan struct{})}
	f.Handle(MethodPropose, s.propose)
	f.Handle(MethodWatch, s.watch)
	f.Handle(MethodReadNames, s.readNames)
	f.Handle(MethodHeartbeat, s.heartbeat)
	f.Handle(MethodPing, ping)
	return s
}

// Open starts the replica; members is its first configuration, if this node
// begins the group. With a replica it changes nothing. One goroutine at a time
// may call it.
func (s *Server) Open(members []raftgroup.Member) error {
	if s.group.Load() != nil {
		return nil
	}
	// Every node follows the map at a replica near it, and waits for its own
	// changes there.
	cfg := raftgroup.GroupConfig{ID: Group, Members: members, PromptCommits: true}
	g, err := s.host.Start(cfg, &fsm{feed: s.feed})
	if err == nil {
		s.group.Store(g)
	}
	return err
}

// Raft returns the replica, nil on a node without one.
func (s *Server) Raft() *raftgroup.Group { return s.group.Load() }

// leads reports whether this replica is the root's leader.
func (s *Server) leads() bool {
	g := s.group.Load()
	return g != nil && g.IsLeader()
}

// replica returns the replica, or the error that sends the caller on.
func (s *Server) replica() (*raftgroup.Group, error) {
	if g := s.group.Load(); g != nil {
		return g, nil
	}
	return nil, &store.Error{Op: "root call", Kind: store.KindMoved, Resource: "this node has no root replica"}
}

// Close ends the watches that are held open. The replica is the host's to stop.
func (s *Server) Close() { close(s.closed) }

// ping answers a probe; that it arrives is all there is to it.
func ping(context.Context, fabric.Peer, *fabric.Message) (*fabric.Message, error) {
	return &fabric.Message{}, nil
}

func decode(req *fabric.Message, m proto.Message) error {
	if err := proto.Unmarshal(req.Head, m); err != nil {
		return store.Errorf(store.KindInvalid, "root call", "%w", err)
	}
	return nil
}

func encode(m proto.Message) (*fabric.Message, error) {
	head, err := proto.Marshal(m)
	return &fabric.Message{Head: head}, err
}

func (s *Server) propose(ctx context.Context, _ fabric.Peer, req *fabric.Message) (*fabric.Message, error) {
	var r pb.ProposeRequest
	if err := decode(req, &r); err != nil {
		return nil, err
	}
	g, err := s.replica()
	if err != nil {
		return nil, err
	}
	reply, err := g.Propose(ctx, raftgroup.Command{Client: r.Client, Seq: r.Seq, Low: r.Oldest, Data: r.Cmd, Freeing: !grows(r.Cmd)})
	if err != nil {
		return nil, err
	}
	return encode(&pb.ProposeReply{Reply: reply, Epoch: s.feed.now()})
}

// grows reports whether a command is one that a full disk refuses: those by which
// clients add names. What keeps the cluster whole and what gives space back must
// go on: a node starts, a slot is filled, a bucket goes away.
func grows(cmd []byte) bool {
	var c pb.RootCommand
	if len(cmd) == 0 || proto.Unmarshal(cmd[1:], &c) != nil {
		return true // the state machine refuses it
	}
	return c.GetCreateName() != nil
}

// watch answers with the changes since an epoch, waiting for the first one.
func (s *Server) watch(ctx context.Context, _ fabric.Peer, req *fabric.Message) (*fabric.Message, error) {
	var r pb.WatchRequest
	if err := decode(req, &r); err != nil {
		return nil, err
	}
	g, err := s.replica()
	if err != nil {
		return nil, err
	}
	timeout := time.NewTimer(watchTime)
	defer timeout.Stop()
	for len(r.After) == 0 {
		rows, now, ok, wait := s.feed.since(r.Epoch)
		if !ok {
			break
		}
		if wait == nil {
			return encode(&pb.WatchReply{Epoch: now, Rows: rows})
		}
		select {
		case <-wait:
		case <-timeout.C:
			return encode(&pb.WatchReply{Epoch: r.Epoch})
		case <-s.closed:
			return nil, store.Errorf(store.KindUnavailable, "watch map", "the node is stopping")
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	return s.page(g, r.After)
}

// page answers with a page of all rows. Later pages may hold newer rows than
// the first page's epoch says; the changes from that epoch on, which the
// watcher asks for next, make it whole.
func (s *Server) page(g *raftgroup.Group, after []byte) (*fabric.Message, error) {
	epoch := s.feed.now() // before the snapshot, so that no change is skipped
	snap, err := g.ReadLocal()
	if err != nil {
		return nil, err
	}
	defer snap.Close()
	it, err := snap.Iter(append(append([]byte(nil), after...), 0), nil)
	if err != nil {
		return nil, err
	}
	defer it.Close()
	reply := &pb.WatchReply{Epoch: epoch, Full: true}
	for size := 0; it.Next(); size += len(it.Key()) + len(it.Value()) {
		if size > pageBytes {
			reply.More = true
			break
		}
		if c := it.Key()[0]; c == colEpoch || c == colCounters {
			continue
		}
		reply.Rows = append(reply.Rows, &pb.Row{
			Key: append([]byte(nil), it.Key()...), Value: append([]byte(nil), it.Value()...),
		})
	}
	if err := it.Close(); err != nil {
		return nil, err
	}
	return encode(reply)
}

// readNames answers linearizably. With no kind it only tells the epoch.
func (s *Server) readNames(ctx context.Context, _ fabric.Peer, req *fabric.Message) (*fabric.Message, error) {
	var r pb.ReadNamesRequest
	if err := decode(req, &r); err != nil {
		return nil, err
	}
	g, err := s.replica()
	if err != nil {
		return nil, err
	}
	snap, err := g.ReadIndex(ctx)
	if err != nil {
		return nil, err
	}
	defer snap.Close()
	reply := &pb.ReadNamesReply{}
	if v, ok, err := snap.Get(keyEpoch); err != nil {
		return nil, err
	} else if ok {
		reply.Epoch = binary.BigEndian.Uint64(v)
	}
	if r.Kind != 0 {
		if reply.Names, err = selectNames(snap, &r); err != nil {
			return nil, err
		}
	}
	return encode(reply)
}

// maxNames bounds one answer of readNames.
const maxNames = 10_000

func selectNames(rows raftgroup.Rows, r *pb.ReadNamesRequest) ([]*pb.NameRow, error) {
	kind := store.NameKind(r.Kind)
	if r.Name != "" {
		v, ok, err := rows.Get(keyName(kind, r.Name))
		if err != nil || !ok {
			return nil, err
		}
		row := &pb.NameRow{}
		return []*pb.NameRow{row}, decodeRow(v, row)
	}
	it, err := rows.Iter(append(keyName(kind, r.After), 0), keyName(kind+1, ""))
	if err != nil {
		return nil, err
	}
	defer it.Close()
	var out []*pb.NameRow
	for limit := min(int(r.Limit), maxNames); len(out) < limit && it.Next(); {
		row := &pb.NameRow{}
		if err := decodeRow(it.Value(), row); err != nil {
			return nil, err
		}
		if r.Owner == "" || row.Owner == r.Owner {
			out = append(out, row)
		}
	}
	return out, it.Close()
}
