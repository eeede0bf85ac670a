package raftgroup

import (
	"context"
	"fmt"

	"github.com/hashicorp/raft"

	"cairn/node/fabric"
	"cairn/placement"
	"cairn/store"
)

// serveBeat answers the beats of another host. A replica that would need its
// disk to answer, because a newer leader speaks, does so aside: one slow disk
// write must not hold up the beats of all groups.
func (h *Host) serveBeat(ctx context.Context, from fabric.Peer, d *decoder, e envelope) (*fabric.Message, error) {
	beats, err := decodeBeats(d)
	if err != nil {
		return nil, err
	}
	leader := serverID(from.Node, e.source)
	type slow struct {
		i    int
		done chan beatReply
	}
	var aside []slow
	replies := make([]beatReply, len(beats))
	for i, b := range beats {
		g := h.Group(b.group)
		switch {
		case g == nil || !g.started.Load():
		case b.kind == beatConfirm:
			replies[i] = g.answerConfirm(b.term)
		case b.kind == beatHeart && b.term == g.raft.CurrentTerm():
			replies[i] = g.trans.heartbeat(leader, b.term)
		case b.kind == beatHeart:
			s := slow{i: i, done: make(chan beatReply, 1)}
			h.tasks.run(func() { s.done <- g.trans.heartbeat(leader, b.term) })
			aside = append(aside, s)
		}
	}
	if len(aside) > 0 {
		wait, cancel := context.WithTimeout(ctx, h.opts.HeartbeatTimeout/4)
		defer cancel()
		for _, s := range aside {
			select {
			case replies[s.i] = <-s.done:
			case <-wait.Done():
			}
		}
	}
	return &fabric.Message{Head: encodeBeatReplies(replies)}, nil
}

// answerConfirm tells a leader of term whether this replica knows a newer term.
// A replica that lost a part of its state must not answer: it may have voted for
// a newer leader and not know it.
func (g *Group) answerConfirm(term uint64) beatReply {
	if g.muted.Load() {
		return beatReply{}
	}
	r := beatReply{status: beatOK, term: g.raft.CurrentTerm()}
	if r.term > term {
		r.status = beatStale
	}
	return r
}

// call makes a call on behalf of this host, unless it was given up.
func (h *Host) call(ctx context.Context, to placement.NodeID, m fabric.Method, req *fabric.Message) (*fabric.Message, error) {
	if h.dead() {
		return nil, errGivenUp
	}
	reply, err := h.opts.Fabric.Call(ctx, to, m, req)
	if err == nil && h.dead() {
		reply.Release()
		return nil, errGivenUp
	}
	return reply, err
}

// handler is the part of a call's handling behind the envelope.
type handler func(ctx context.Context, from fabric.Peer, d *decoder, e envelope, req *fabric.Message) (*fabric.Message, error)

// serve registers the host's methods.
func (h *Host) serve() {
	h.handle(methodBeat, func(ctx context.Context, from fabric.Peer, d *decoder, e envelope, _ *fabric.Message) (*fabric.Message, error) {
		return h.serveBeat(ctx, from, d, e)
	})
	h.handle(methodAppend, toGroup(h, (*transport).serveAppend))
	h.handle(methodVote, toGroup(h, (*transport).serveVote))
	h.handle(methodTimeoutNow, toGroup(h, (*transport).serveTimeoutNow))
	h.handle(methodPage, toGroup(h, (*transport).servePage))
	h.opts.Fabric.Handle(methodLeads, h.serveLeads)
}

// handle registers a method: the envelope is checked, and a host that was given
// up while the call ran does not answer it.
func (h *Host) handle(m fabric.Method, fn handler) {
	h.opts.Fabric.Handle(m, func(ctx context.Context, from fabric.Peer, req *fabric.Message) (*fabric.Message, error) {
		if !h.enter() {
			return nil, store.Errorf(store.KindUnavailable, "raft call", "node %d is stopped", h.opts.Fabric.Self())
		}
		defer h.serveEnd.Done()
		d := &decoder{b: req.Head}
		e, err := decodeEnvelope(d)
		if err != nil {
			return nil, err
		}
		if e.target != h.opts.Incarnation {
			return nil, &store.Error{
				Op: "raft call", Kind: store.KindDenied, Resource: fmt.Sprintf("node %d", h.opts.Fabric.Self()),
				Err: fmt.Errorf("this is incarnation %s, not %s", h.opts.Incarnation, e.target),
			}
		}
		reply, err := fn(ctx, from, d, e, req)
		if h.dead() {
			return nil, store.Errorf(store.KindUnavailable, "raft call", "node %d is stopped", h.opts.Fabric.Self())
		}
		return reply, err
	})
}

// enter counts a call that is served, unless the host is closing.
func (h *Host) enter() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed || h.dead() {
		return false
	}
	h.serveEnd.Add(1)
	return true
}

// toGroup finds the group of a call.
func toGroup(h *Host, fn func(t *transport, ctx context.Context, from raft.ServerID, d *decoder, req *fabric.Message) (*fabric.Message, error)) handler {
	return func(ctx context.Context, from fabric.Peer, d *decoder, e envelope, req *fabric.Message) (*fabric.Message, error) {
		g := h.Group(e.group)
		if g == nil || !g.started.Load() {
			return nil, store.Errorf(store.KindNotFound, "raft call", "group %d does not run on node %d", e.group, h.opts.Fabric.Self())
		}
		return fn(g.trans, ctx, serverID(from.Node, e.source), d, req)
	}
}
