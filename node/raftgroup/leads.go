package raftgroup

import (
	"context"
	"fmt"

	"github.com/hashicorp/raft"

	"cairn/node/fabric"
	"cairn/placement"
	"cairn/store"
)

// AskLeads asks a node whether its replica of a group leads, by its own word. A
// leader that was replaced may say so for up to a heartbeat timeout more, as
// long as its lease lasts: the answer tells whom to ask, and nothing about rows.
// Any caller may ask; it needs not know the node's incarnation.
func AskLeads(ctx context.Context, f fabric.Fabric, node placement.NodeID, g GroupID) (bool, error) {
	reply, err := f.Call(ctx, node, methodLeads, &fabric.Message{Head: appendGroup([]byte{wireFormat}, g)})
	if err != nil {
		return false, err
	}
	defer reply.Release()
	if len(reply.Head) != 1 {
		return false, store.Errorf(store.KindInternal, "ask who leads", "reply of %d bytes from node %d", len(reply.Head), node)
	}
	return reply.Head[0] == 1, nil
}

// serveLeads answers from memory, so that a host with a busy disk answers at
// once. One whose disk failed leads nothing any more.
func (h *Host) serveLeads(_ context.Context, _ fabric.Peer, req *fabric.Message) (*fabric.Message, error) {
	d := &decoder{b: req.Head}
	if f := d.u8(); f != wireFormat {
		return nil, &store.Error{Op: "ask who leads", Kind: store.KindUnknownFormat, Resource: fmt.Sprintf("format %d", f)}
	}
	id := GroupID(d.u32())
	if err := malformed(d); err != nil {
		return nil, err
	}
	leads := byte(0)
	if g := h.Group(id); g != nil && g.started.Load() && g.usable() == nil && g.raft.State() == raft.Leader {
		leads = 1
	}
	return &fabric.Message{Head: []byte{leads}}, nil
}
