package raftgroup

import (
	"context"
	"io"

	"github.com/hashicorp/raft"

	"cairn/node/fabric"
	"cairn/store"
)

// header is what Raft wants to know of a caller.
func header(from raft.ServerID) raft.RPCHeader {
	return raft.RPCHeader{ProtocolVersion: raft.ProtocolVersionMax, ID: []byte(from), Addr: []byte(from)}
}

// deliver hands an RPC to Raft's main loop; the answer arrives on the channel.
func (t *transport) deliver(ctx context.Context, cmd any, r io.Reader) (<-chan raft.RPCResponse, error) {
	answer := make(chan raft.RPCResponse, 1)
	select {
	case t.in <- raft.RPC{Command: cmd, Reader: r, RespChan: answer}:
		return answer, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-t.ctx.Done():
		return nil, t.stopped()
	}
}

// await waits for the answer to a delivered RPC.
func (t *transport) await(ctx context.Context, answer <-chan raft.RPCResponse) (any, error) {
	select {
	case a := <-answer:
		if a.Error != nil {
			return nil, store.Errorf(store.KindUnavailable, "raft call", "%w", a.Error)
		}
		return a.Response, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-t.ctx.Done():
		return nil, t.stopped()
	}
}

func (t *transport) stopped() error {
	return store.Errorf(store.KindUnavailable, "raft call", "group %d is stopped here", t.g.id)
}

// heartbeat hands a heartbeat to Raft, beside its main loop.
func (t *transport) heartbeat(leader raft.ServerID, term uint64) beatReply {
	answer := make(chan raft.RPCResponse, 1)
	t.beatFn(raft.RPC{
		Command:  &raft.AppendEntriesRequest{RPCHeader: header(leader), Term: term, Leader: []byte(leader)},
		RespChan: answer,
	})
	select {
	case a := <-answer:
		if r, ok := a.Response.(*raft.AppendEntriesResponse); ok && a.Error == nil {
			out := beatReply{status: beatOK, term: r.Term, lastLog: r.LastLog}
			if !r.Success {
				out.status = beatStale
			}
			return out
		}
	default: // Raft is shutting down and ignored it
	}
	return beatReply{}
}

func (t *transport) serveAppend(ctx context.Context, from raft.ServerID, d *decoder, req *fabric.Message) (*fabric.Message, error) {
	c, err := decodeAppend(d, req.Body)
	if err != nil {
		return nil, err
	}
	c.req.RPCHeader, c.req.Leader = header(from), []byte(from)
	var answer <-chan raft.RPCResponse
	err = t.order.inTurn(ctx, c.pipe, c.seq, func() (err error) {
		answer, err = t.deliver(ctx, c.req, nil)
		return err
	})
	if err != nil {
		return nil, err
	}
	resp, err := t.await(ctx, answer)
	if err != nil {
		return nil, err
	}
	r := resp.(*raft.AppendEntriesResponse)
	return &fabric.Message{Head: encodeAppendReply(r, t.g.muted.Load())}, nil
}

func (t *transport) serveVote(ctx context.Context, from raft.ServerID, d *decoder, _ *fabric.Message) (*fabric.Message, error) {
	c, err := decodeVote(d)
	if err != nil {
		return nil, err
	}
	if t.g.muted.Load() {
		return nil, store.Errorf(store.KindUnavailable, "raft call", "%w", errMuted)
	}
	var cmd any = &raft.RequestVoteRequest{
		RPCHeader: header(from), Candidate: []byte(from), Term: c.term,
		LastLogIndex: c.lastIndex, LastLogTerm: c.lastTerm, LeadershipTransfer: c.transfer,
	}
	if c.pre {
		cmd = &raft.RequestPreVoteRequest{RPCHeader: header(from), Term: c.term, LastLogIndex: c.lastIndex, LastLogTerm: c.lastTerm}
	}
	answer, err := t.deliver(ctx, cmd, nil)
	if err != nil {
		return nil, err
	}
	resp, err := t.await(ctx, answer)
	switch r := resp.(type) {
	case *raft.RequestVoteResponse:
		return &fabric.Message{Head: encodeVoteReply(r.Term, r.Granted)}, nil
	case *raft.RequestPreVoteResponse:
		return &fabric.Message{Head: encodeVoteReply(r.Term, r.Granted)}, nil
	}
	return nil, err
}

func (t *transport) serveTimeoutNow(ctx context.Context, from raft.ServerID, _ *decoder, _ *fabric.Message) (*fabric.Message, error) {
	if t.g.muted.Load() {
		return nil, store.Errorf(store.KindUnavailable, "raft call", "%w", errMuted)
	}
	answer, err := t.deliver(ctx, &raft.TimeoutNowRequest{RPCHeader: header(from)}, nil)
	if err != nil {
		return nil, err
	}
	if _, err := t.await(ctx, answer); err != nil {
		return nil, err
	}
	return &fabric.Message{}, nil
}
