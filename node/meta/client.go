package meta

import (
	"context"
	"fmt"

	"google.golang.org/protobuf/proto"

	"cairn/node/fabric"
	"cairn/node/leader"
	"cairn/node/raftgroup"
	"cairn/node/root"
	"cairn/placement"
	pb "cairn/proto"
	"cairn/store"
)

// Methods of the metadata service.
const (
	MethodDo   fabric.Method = 0x0301
	MethodAsk  fabric.Method = 0x0302
	MethodUsed fabric.Method = 0x0303
)

// reasonNamespace marks a namespace that the root does not know.
const reasonNamespace = "namespace"

// Client sends commands and queries to the groups that own their keys. It is
// the [store.Rows] of a node.
type Client struct {
	fabric  fabric.Fabric
	root    *root.Client
	session *raftgroup.Session
	finder  *leader.Finder
}

var _ store.Rows = (*Client)(nil)

// NewClient returns a client whose commands are named by session.
func NewClient(f fabric.Fabric, r *root.Client, session *raftgroup.Session) *Client {
	return &Client{fabric: f, root: r, session: session, finder: leader.New(f)}
}

// Do replicates a machine's command.
func (c *Client) Do(ctx context.Context, ns store.NS, key, cmd []byte, placed ...store.Placed) ([]byte, error) {
	run := &pb.MetaRun{Ns: uint64(ns), Key: key, Cmd: cmd}
	for _, p := range placed {
		run.Placed = append(run.Placed, &pb.PlacedBlob{Blob: p.Blob[:], Gen: p.Gen, Missing: uint32(p.Missing)})
	}
	name := c.session.Begin()
	defer c.session.End(name.Seq)
	return c.routed(ctx, ns, key, func(ctx context.Context, r *pb.RangeRow, to placement.NodeID) ([]byte, error) {
		run.Range, run.Gen = r.Id, r.Gen
		return c.send(ctx, to, r.Group, name, &pb.MetaCommand{Cmd: &pb.MetaCommand_Run{Run: run}})
	})
}

// Ask answers a query at the leader of the owning group.
func (c *Client) Ask(ctx context.Context, ns store.NS, key, query []byte) ([]byte, error) {
	return c.routed(ctx, ns, key, func(ctx context.Context, r *pb.RangeRow, to placement.NodeID) ([]byte, error) {
		return c.call(ctx, to, MethodAsk, &pb.MetaAskRequest{
			Group: r.Group, Range: r.Id, Gen: r.Gen, Ns: uint64(ns), Key: key, Query: query,
		})
	})
}

// maxUsed bounds the blobs of one call of Used.
const maxUsed = 1000

// Used tells, linearizably and without an entry in the log, for each of at most
// 1,000 blobs whether a row of key refers to it. "No" is no ground to delete
// anything: see [Client.Resolve].
func (c *Client) Used(ctx context.Context, ns store.NS, key []byte, blobs []store.BlobID) ([]bool, error) {
	var query []byte
	for _, b := range blobs {
		query = append(query, b[:]...)
	}
	used := make([]bool, len(blobs))
	raw, err := c.routed(ctx, ns, key, func(ctx context.Context, r *pb.RangeRow, to placement.NodeID) ([]byte, error) {
		return c.call(ctx, to, MethodUsed, &pb.MetaAskRequest{
			Group: r.Group, Range: r.Id, Gen: r.Gen, Ns: uint64(ns), Key: key, Query: query,
		})
	})
	switch {
	case store.Is(err, store.KindNotFound) && store.ReasonOf(err) == reasonNamespace:
		return used, nil
	case err == nil && len(raw) != len(blobs):
		err = store.Errorf(store.KindInternal, "ask for blobs", "%d answers for %d blobs", len(raw), len(blobs))
	}
	for i := range raw[:min(len(raw), len(used))] {
		used[i] = raw[i] == 1
	}
	return used, err
}

// Resolve asks the owner of key about blob (see the MetaResolve command): whether
// a row refers to it, and if not, whether it is dead for good. A namespace that
// the root does not know any more was empty when it went, and is never used
// again: its blobs are dead.
func (c *Client) Resolve(ctx context.Context, ns store.NS, key []byte, blob store.BlobID) (dead, used bool, err error) {
	return c.resolve(ctx, &pb.MetaResolve{Ns: uint64(ns), Key: key, Blob: blob[:]})
}

// PassOver asks the owner of key whether a row refers to blob. If none does, and
// one will later, the blob owes the given slot if its receipt is older than
// generation gen of its placement group.
func (c *Client) PassOver(ctx context.Context, ns store.NS, key []byte, blob store.BlobID, gen uint32, slot int) (used bool, err error) {
	_, used, err = c.resolve(ctx, &pb.MetaResolve{
		Ns: uint64(ns), Key: key, Blob: blob[:], Owing: &pb.OwedSlots{Gen: gen, Slots: 1 << slot},
	})
	return used, err
}

func (c *Client) resolve(ctx context.Context, r *pb.MetaResolve) (dead, used bool, err error) {
	name := c.session.Begin()
	defer c.session.End(name.Seq)
	raw, err := c.routed(ctx, store.NS(r.Ns), r.Key, func(ctx context.Context, at *pb.RangeRow, to placement.NodeID) ([]byte, error) {
		return c.send(ctx, to, at.Group, name, &pb.MetaCommand{Cmd: &pb.MetaCommand_Resolve{Resolve: r}})
	})
	if store.Is(err, store.KindNotFound) && store.ReasonOf(err) == reasonNamespace {
		return true, false, nil
	}
	if err != nil {
		return false, false, err
	}
	var reply pb.MetaResolveReply
	if err := proto.Unmarshal(raw, &reply); err != nil {
		return false, false, store.Errorf(store.KindInternal, "resolve blob", "%w", err)
	}
	return reply.Dead, reply.Used, nil
}

// send proposes one command at a replica. The reply is the command's own.
func (c *Client) send(ctx context.Context, to placement.NodeID, group uint32, name raftgroup.Command, cmd *pb.MetaCommand) ([]byte, error) {
	raw, err := encodeCommand(cmd)
	if err != nil {
		return nil, store.Errorf(store.KindInvalid, "command", "%w", err)
	}
	head, err := framed(nil, &pb.MetaDoRequest{Group: group, Client: name.Client, Seq: name.Seq, Oldest: name.Low}, raw)
	if err != nil {
		return nil, store.Errorf(store.KindInvalid, "command", "%w", err)
	}
	return c.callRaw(ctx, to, MethodDo, head)
}

func (c *Client) call(ctx context.Context, to placement.NodeID, m fabric.Method, req proto.Message) ([]byte, error) {
	head, err := proto.Marshal(req)
	if err != nil {
		return nil, store.Errorf(store.KindInvalid, "metadata call", "%w", err)
	}
	return c.callRaw(ctx, to, m, head)
}

func (c *Client) callRaw(ctx context.Context, to placement.NodeID, m fabric.Method, head []byte) ([]byte, error) {
	reply, err := c.fabric.Call(ctx, to, m, &fabric.Message{Head: head})
	if err != nil {
		return nil, err
	}
	defer reply.Release()
	return reply.Head, nil
}

// routed runs try at the leader of the group that owns a key. A group that has
// not yet heard of its range is told of it.
func (c *Client) routed(ctx context.Context, ns store.NS, key []byte,
	try func(ctx context.Context, r *pb.RangeRow, to placement.NodeID) ([]byte, error),
) (reply []byte, err error) {
	var r *pb.RangeRow
	locate := func(ctx context.Context) (t leader.Target, err error) {
		r, t, err = c.locate(ctx, ns, key)
		return t, err
	}
	err = c.finder.Call(ctx, locate, func(ctx context.Context, to placement.NodeID) error {
		reply, err = try(ctx, r, to)
		if store.ReasonOf(err) == reasonUnknownRange && r.Gen == 1 {
			if err := c.adopt(ctx, r, to); err != nil {
				return err
			}
			reply, err = try(ctx, r, to)
		}
		return err
	})
	return reply, err
}

// locate finds the range of a key and the voters of its group. A namespace
// that this node's map does not have yet is asked of the root.
func (c *Client) locate(ctx context.Context, ns store.NS, key []byte) (*pb.RangeRow, leader.Target, error) {
	view := c.root.View()
	r, ok := view.RangeOf(ns, key)
	if !ok {
		if err := c.root.Sync(ctx); err != nil {
			return nil, leader.Target{}, err
		}
		if r, ok = view.RangeOf(ns, key); !ok {
			return nil, leader.Target{}, &store.Error{
				Op: "route", Kind: store.KindNotFound, Reason: reasonNamespace, Resource: fmt.Sprintf("namespace %d", ns.ID()),
			}
		}
	}
	t := leader.Target{Group: raftgroup.GroupID(r.Group), Members: view.GroupNodes(r.Group)}
	if len(t.Members) == 0 {
		return nil, t, store.Errorf(store.KindUnavailable, "route", "metadata group %d has no members in the map", r.Group)
	}
	return r, t, nil
}

// adopt tells the group, at its leader, of a range that the directory gave it
// and that it has never heard of.
func (c *Client) adopt(ctx context.Context, r *pb.RangeRow, to placement.NodeID) error {
	name := c.session.Begin()
	defer c.session.End(name.Seq)
	_, err := c.send(ctx, to, r.Group, name, &pb.MetaCommand{Cmd: &pb.MetaCommand_Adopt{Adopt: &pb.MetaAdopt{
		Range: r.Id, Ns: r.Ns, Start: r.Start, End: r.End,
	}}})
	return err
}
