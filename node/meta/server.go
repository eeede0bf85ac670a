package meta

import (
	"context"
	"encoding/binary"
	"log/slog"
	"slices"
	"sync"

	"google.golang.org/protobuf/proto"

	"cairn/node/fabric"
	"cairn/node/raftgroup"
	"cairn/node/root"
	pb "cairn/proto"
	"cairn/store"
)

func be64(b []byte) uint64 {
	if len(b) != 8 {
		return 0
	}
	return binary.BigEndian.Uint64(b)
}

// Server holds this node's replicas of the metadata groups and serves their
// calls. Which groups it holds follows the root's rows.
type Server struct {
	host     *raftgroup.Host
	view     *root.View
	log      *slog.Logger
	machines map[store.Kind]store.Machine

	mu     sync.RWMutex
	groups map[uint32]*replica
}

// replica is this node's part of a group.
type replica struct {
	*raftgroup.Group
	mirror *mirror
}

// NewServer returns a server without groups that runs the given machines.
func NewServer(h *raftgroup.Host, view *root.View, f fabric.Fabric, log *slog.Logger, machines ...store.Machine) *Server {
	s := &Server{
		host: h, view: view, log: log,
		machines: map[store.Kind]store.Machine{}, groups: map[uint32]*replica{},
	}
	for _, m := range machines {
		s.machines[m.Kind()] = m
	}
	f.Handle(MethodDo, s.do)
	f.Handle(MethodAsk, s.ask)
	f.Handle(MethodUsed, s.used)
	return s
}

// Open starts the replica of a group on this node, with the members of its
// first configuration. Opening one that runs changes nothing.
func (s *Server) Open(id uint32, members []raftgroup.Member) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.groups[id] != nil {
		return nil
	}
	f := newFSM(s.machines)
	g, err := s.host.Start(raftgroup.GroupConfig{ID: raftgroup.GroupID(id), Members: members}, f)
	if err != nil {
		return err
	}
	s.groups[id] = &replica{Group: g, mirror: f.mirror}
	return nil
}

// Groups returns the replicas by group number.
func (s *Server) Groups() []*raftgroup.Group {
	s.mu.RLock()
	defer s.mu.RUnlock()
	var out []*raftgroup.Group
	for _, g := range s.groups {
		out = append(out, g.Group)
	}
	slices.SortFunc(out, func(a, b *raftgroup.Group) int { return int(a.ID()) - int(b.ID()) })
	return out
}

func (s *Server) group(id uint32) (*replica, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if g := s.groups[id]; g != nil {
		return g, nil
	}
	return nil, moved("", "group %d is not on this node", id)
}

func decode(req *fabric.Message, m proto.Message) error {
	if err := proto.Unmarshal(req.Head, m); err != nil {
		return store.Errorf(store.KindInvalid, "metadata call", "%w", err)
	}
	return nil
}

// do proposes a command.
func (s *Server) do(ctx context.Context, _ fabric.Peer, req *fabric.Message) (*fabric.Message, error) {
	var r pb.MetaDoRequest
	raw, err := unframe(req.Head, &r)
	if err != nil {
		return nil, err
	}
	g, err := s.group(r.Group)
	if err != nil {
		return nil, err
	}
	c, err := decodeCommand(raw)
	if err != nil {
		return nil, err
	}
	frees, err := s.inspect(c)
	if err != nil {
		return nil, err
	}
	cmd := raftgroup.Command{Client: r.Client, Seq: r.Seq, Low: r.Oldest, Data: raw, Freeing: frees}
	if run := c.GetRun(); run != nil && s.addMoved(run) {
		if cmd.Data, err = encodeCommand(c); err != nil {
			return nil, err
		}
	}
	reply, err := g.Propose(ctx, cmd)
	if err != nil {
		return nil, err
	}
	return &fabric.Message{Head: reply}, nil
}

// inspect refuses commands that would halt the replicas, and tells which are let
// through on a full disk: all that do not come from a machine, and those of
// which the machine says that they give space back.
func (s *Server) inspect(c *pb.MetaCommand) (frees bool, err error) {
	run := c.GetRun()
	switch {
	case c.Cmd == nil:
		return false, store.Errorf(store.KindInvalid, "metadata call", "a command that this version does not know")
	case run == nil:
		return true, nil
	}
	m := s.machines[store.NS(run.Ns).Kind()]
	if m == nil {
		return false, store.Errorf(store.KindInvalid, "metadata call", "namespace of kind %d", store.NS(run.Ns).Kind())
	}
	return m.Inspect(run.Cmd)
}

// addMoved adds to the owed shards of each receipt the slots that changed hands
// since it was written. It reports whether it added any.
func (s *Server) addMoved(run *pb.MetaRun) (changed bool) {
	for _, p := range run.Placed {
		if len(p.Blob) != len(store.BlobID{}) {
			continue // refused when it is applied
		}
		if more := s.view.MovedSlots(store.BlobID(p.Blob), p.Gen) &^ uint16(p.Missing); more != 0 {
			p.Missing |= uint32(more)
			changed = true
		}
	}
	return changed
}

// ask answers a query on a linearizable snapshot.
func (s *Server) ask(ctx context.Context, _ fabric.Peer, req *fabric.Message) (*fabric.Message, error) {
	return s.onSnapshot(ctx, req, func(m store.Machine, rd *reader, r *pb.MetaAskRequest) ([]byte, error) {
		return m.Read(rd, r.Query)
	})
}

// used answers for each of some blobs whether a row of a key refers to it.
func (s *Server) used(ctx context.Context, _ fabric.Peer, req *fabric.Message) (*fabric.Message, error) {
	return s.onSnapshot(ctx, req, func(m store.Machine, rd *reader, r *pb.MetaAskRequest) ([]byte, error) {
		const n = len(store.BlobID{})
		if len(r.Query)%n != 0 || len(r.Query) > n*maxUsed {
			return nil, store.Errorf(store.KindInvalid, "metadata call", "blob ids of %d bytes", len(r.Query))
		}
		var blobs []store.BlobID
		for b := r.Query; len(b) > 0; b = b[n:] {
			blobs = append(blobs, store.BlobID(b))
		}
		named, err := m.References(rd, r.Key, blobs)
		reply := make([]byte, len(named))
		for i, yes := range named {
			if yes {
				reply[i] = 1
			}
		}
		return reply, err
	})
}

// onSnapshot runs f on a linearizable snapshot of the range that is asked for.
func (s *Server) onSnapshot(ctx context.Context, req *fabric.Message,
	f func(store.Machine, *reader, *pb.MetaAskRequest) ([]byte, error),
) (*fabric.Message, error) {
	var r pb.MetaAskRequest
	if err := decode(req, &r); err != nil {
		return nil, err
	}
	g, err := s.group(r.Group)
	if err != nil {
		return nil, err
	}
	m := s.machines[store.NS(r.Ns).Kind()]
	if m == nil {
		return nil, store.Errorf(store.KindInvalid, "query", "namespace of kind %d", store.NS(r.Ns).Kind())
	}
	snap, err := g.ReadIndex(ctx)
	if err != nil {
		return nil, err
	}
	defer snap.Close()
	state := g.mirror.state.Load() // after the snapshot was taken
	rng, err := state.owned(r.Range, r.Gen, store.NS(r.Ns), r.Key)
	if err != nil {
		return nil, err
	}
	reply, err := f(m, &reader{rows: snap, rng: rng, mirror: g.mirror, state: state}, &r)
	if err != nil {
		return nil, err
	}
	return &fabric.Message{Head: reply}, nil
}
