package raftgroup

import (
	"context"
	"errors"
	"time"

	"github.com/hashicorp/raft"

	"cairn/node/fabric"
)

// transport is one group's raft.Transport over the host's fabric. Addresses are
// server ids: node/incarnation.
type transport struct {
	h    *Host
	g    *Group
	self raft.ServerID
	in   chan raft.RPC // to Raft's main loop

	ctx    context.Context // ends when the group stops
	cancel context.CancelFunc

	prompt   bool           // see GroupConfig.PromptCommits
	beatFn   func(raft.RPC) // Raft's fast path for heartbeats; set before the first call
	order    pipeOrder
	inbound  inbound
	progress progress
}

var (
	_ raft.Transport   = (*transport)(nil)
	_ raft.WithPreVote = (*transport)(nil)
)

// How long a call may take.
const (
	voteTimeout    = 5 * time.Second
	pageTimeout    = 30 * time.Second
	installTimeout = 30 * time.Minute // of the last page: the tables are put in place
)

func newTransport(h *Host, g *Group) *transport {
	t := &transport{h: h, g: g, self: g.self.serverID(), in: make(chan raft.RPC)}
	t.ctx, t.cancel = context.WithCancel(h.ctx)
	t.order.init()
	t.progress.peers = map[raft.ServerID]*peerProgress{}
	return t
}

// Consumer implements raft.Transport.
func (t *transport) Consumer() <-chan raft.RPC { return t.in }

// LocalAddr implements raft.Transport.
func (t *transport) LocalAddr() raft.ServerAddress { return raft.ServerAddress(t.self) }

// EncodePeer implements raft.Transport.
func (t *transport) EncodePeer(_ raft.ServerID, addr raft.ServerAddress) []byte { return []byte(addr) }

// DecodePeer implements raft.Transport.
func (t *transport) DecodePeer(b []byte) raft.ServerAddress { return raft.ServerAddress(b) }

// SetHeartbeatHandler implements raft.Transport.
func (t *transport) SetHeartbeatHandler(fn func(raft.RPC)) { t.beatFn = fn }

// call makes one call to a server for this group.
func (t *transport) call(timeout time.Duration, id raft.ServerID, m fabric.Method,
	encode func([]byte) (head []byte, body [][]byte)) ([]byte, error) {
	node, inc, err := parseServerID(string(id))
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(t.ctx, timeout)
	defer cancel()
	e := envelope{group: t.g.id, target: inc, source: t.h.opts.Incarnation}
	head, body := encode(e.encode())
	reply, err := t.h.call(ctx, node, m, &fabric.Message{Head: head, Body: body})
	if err != nil {
		return nil, err
	}
	defer reply.Release()
	return reply.Head, nil
}

// isHeartbeat recognises what Raft's heartbeat loop sends.
func isHeartbeat(a *raft.AppendEntriesRequest) bool {
	return a.PrevLogEntry == 0 && a.PrevLogTerm == 0 && len(a.Entries) == 0 && a.LeaderCommitIndex == 0
}

// AppendEntries implements raft.Transport. Heartbeats go with those of the other
// groups.
func (t *transport) AppendEntries(id raft.ServerID, _ raft.ServerAddress,
	req *raft.AppendEntriesRequest, resp *raft.AppendEntriesResponse) error {
	if isHeartbeat(req) {
		return t.sendHeartbeat(id, req, resp)
	}
	return t.persist(id, trim(req), resp)
}

func (t *transport) sendHeartbeat(id raft.ServerID, req *raft.AppendEntriesRequest, resp *raft.AppendEntriesResponse) error {
	lanes, err := t.h.peers.to(id)
	if err != nil {
		return err
	}
	done := make(chan laneResult, 1)
	lanes.hearts.submit(beat{kind: beatHeart, group: t.g.id, term: req.Term}, done)
	select {
	case r := <-done:
		resp.Term, resp.LastLog, resp.Success = r.term, r.lastLog, r.status == beatOK
		return r.err
	case <-t.ctx.Done():
		return t.ctx.Err()
	}
}

// persist sends an append until it is answered, or until this replica no longer
// leads in its term or the follower is no longer a member. Raft would wait up to
// ten seconds between two tries, and so long could a follower that is back be
// without the log.
func (t *transport) persist(id raft.ServerID, req *raft.AppendEntriesRequest, resp *raft.AppendEntriesResponse) error {
	lanes, err := t.h.peers.to(id)
	if err != nil {
		return err
	}
	for {
		alive := lanes.hearts.nextReply()
		err := t.sendAppend(id, appendCall{req: req}, resp)
		if err == nil || !t.g.leadsIn(req.Term) || !t.g.isMember(id) {
			return err
		}
		poll := time.NewTimer(2 * t.h.opts.HeartbeatTimeout)
		select {
		case <-alive:
		case <-poll.C:
		case <-t.ctx.Done():
		}
		poll.Stop()
		if t.ctx.Err() != nil {
			return err
		}
	}
}

func (t *transport) sendAppend(id raft.ServerID, c appendCall, resp *raft.AppendEntriesResponse) error {
	t.progress.begin(id)
	b, err := t.call(t.h.opts.WriteTimeout+t.h.opts.HeartbeatTimeout, id, methodAppend, c.encode)
	var muted bool
	if err == nil {
		muted, err = decodeAppendReply(b, resp)
	}
	if err == nil {
		t.progress.note(id, c.req, resp, muted)
	}
	t.progress.end(id)
	if err == nil && resp.Success {
		t.tell(id)
	}
	return err
}

// trim cuts the entries of req to what one call carries. Raft goes on from the
// last entry that it finds in req afterwards.
func trim(req *raft.AppendEntriesRequest) *raft.AppendEntriesRequest {
	total := 0
	for i, e := range req.Entries {
		if total += len(e.Data); total > maxBodyBytes && i > 0 || i == maxEntries {
			req.Entries = req.Entries[:i]
			break
		}
	}
	return req
}

// RequestVote implements raft.Transport. A muted replica does not campaign.
func (t *transport) RequestVote(id raft.ServerID, _ raft.ServerAddress,
	req *raft.RequestVoteRequest, resp *raft.RequestVoteResponse) (err error) {
	resp.Term, resp.Granted, err = t.sendVote(id, voteCall{
		term: req.Term, lastIndex: req.LastLogIndex, lastTerm: req.LastLogTerm, transfer: req.LeadershipTransfer,
	})
	return err
}

// RequestPreVote implements raft.WithPreVote.
func (t *transport) RequestPreVote(id raft.ServerID, _ raft.ServerAddress,
	req *raft.RequestPreVoteRequest, resp *raft.RequestPreVoteResponse) (err error) {
	resp.Term, resp.Granted, err = t.sendVote(id, voteCall{
		pre: true, term: req.Term, lastIndex: req.LastLogIndex, lastTerm: req.LastLogTerm,
	})
	return err
}

var errMuted = errors.New("this replica lost a part of its log and has no say until it is a voter again")

func (t *transport) sendVote(id raft.ServerID, c voteCall) (term uint64, granted bool, err error) {
	if t.g.muted.Load() {
		return 0, false, errMuted
	}
	b, err := t.call(voteTimeout, id, methodVote, func(head []byte) ([]byte, [][]byte) { return c.encode(head), nil })
	if err != nil {
		return 0, false, err
	}
	return decodeVoteReply(b)
}

// TimeoutNow implements raft.Transport.
func (t *transport) TimeoutNow(id raft.ServerID, _ raft.ServerAddress, _ *raft.TimeoutNowRequest, _ *raft.TimeoutNowResponse) error {
	_, err := t.call(voteTimeout, id, methodTimeoutNow, func(head []byte) ([]byte, [][]byte) { return head, nil })
	return err
}
