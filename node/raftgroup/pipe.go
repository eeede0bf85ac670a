package raftgroup

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/hashicorp/raft"

	"cairn/store"
)

// pipeDepth is how many appends are under way to one follower: one on the wire
// or in the queue while the other is on the follower's disk. More only adds
// latency.
const pipeDepth = 2

var errPipeClosed = errors.New("the pipe was closed")

// pipe is a raft.AppendPipeline. Calls are sent concurrently and numbered; the
// receiver puts them in order (pipeOrder), and their outcomes are delivered in
// order.
type pipe struct {
	t     *transport
	id    raft.ServerID
	num   uint64
	seq   uint64        // of the next call; only AppendEntries uses it
	slots chan struct{} // one per call under way
	out   chan raft.AppendFuture
	prev  chan struct{} // closed when the last call's outcome was delivered

	ctx    context.Context
	cancel context.CancelFunc
}

var _ raft.AppendPipeline = (*pipe)(nil)

// AppendEntriesPipeline implements raft.Transport.
func (t *transport) AppendEntriesPipeline(id raft.ServerID, _ raft.ServerAddress) (raft.AppendPipeline, error) {
	p := &pipe{
		t: t, id: id, num: rand.Uint64() | 1,
		slots: make(chan struct{}, pipeDepth), out: make(chan raft.AppendFuture), prev: make(chan struct{}),
	}
	close(p.prev)
	p.ctx, p.cancel = context.WithCancel(t.ctx)
	return p, nil
}

// AppendEntries implements raft.AppendPipeline.
func (p *pipe) AppendEntries(req *raft.AppendEntriesRequest, resp *raft.AppendEntriesResponse) (raft.AppendFuture, error) {
	select {
	case p.slots <- struct{}{}:
	case <-p.ctx.Done():
		return nil, errPipeClosed
	}
	f := &appendFuture{start: time.Now(), req: trim(req), resp: resp, done: make(chan struct{})}
	prev, delivered := p.prev, make(chan struct{})
	c := appendCall{req: f.req, pipe: p.num, seq: p.seq}
	p.prev = delivered
	p.seq++
	p.t.h.tasks.run(func() {
		defer close(delivered)
		f.err = p.t.sendAppend(p.id, c, resp)
		close(f.done)
		<-p.slots
		<-prev
		select {
		case p.out <- f: // a failed call shows as an unsuccessful reply
		case <-p.ctx.Done():
		}
	})
	return f, nil
}

// Consumer implements raft.AppendPipeline.
func (p *pipe) Consumer() <-chan raft.AppendFuture { return p.out }

// Close implements raft.AppendPipeline.
func (p *pipe) Close() error {
	p.cancel()
	return nil
}

// appendFuture is one pipelined append.
type appendFuture struct {
	start time.Time
	req   *raft.AppendEntriesRequest
	resp  *raft.AppendEntriesResponse
	done  chan struct{}
	err   error
}

// Error implements raft.Future.
func (f *appendFuture) Error() error {
	<-f.done
	return f.err
}

// Start implements raft.AppendFuture.
func (f *appendFuture) Start() time.Time { return f.start }

// Request implements raft.AppendFuture.
func (f *appendFuture) Request() *raft.AppendEntriesRequest { return f.req }

// Response implements raft.AppendFuture.
func (f *appendFuture) Response() *raft.AppendEntriesResponse { return f.resp }

// pipeOrder lets the calls of a pipe through in the order of their numbers,
// whatever order they arrive in. A call of a pipe whose start was never seen, as
// after a restart, waits for strangerWait only: its sender starts another pipe.
type pipeOrder struct {
	mu   sync.Mutex
	pipe uint64
	next uint64        // the number whose turn it is
	turn chan struct{} // closed at every change of pipe or next
}

const strangerWait = 100 * time.Millisecond

func (o *pipeOrder) init() { o.turn = make(chan struct{}) }

// inTurn runs deliver when it is the call's turn. Pipe 0 has no order.
func (o *pipeOrder) inTurn(ctx context.Context, pipe, seq uint64, deliver func() error) error {
	if pipe == 0 {
		return deliver()
	}
	patience := time.NewTimer(strangerWait)
	defer patience.Stop()
	for {
		o.mu.Lock()
		if seq == 0 && o.pipe != pipe {
			o.pipe, o.next = pipe, 0
			o.changedLocked()
		}
		if o.pipe == pipe && o.next == seq {
			o.mu.Unlock()
			err := deliver()
			o.passed(pipe, seq)
			return err
		}
		known, late, turn := o.pipe == pipe, o.pipe == pipe && seq < o.next, o.turn
		o.mu.Unlock()
		if late {
			return store.Errorf(store.KindInvalid, "raft call", "call %d of a pipe came twice", seq)
		}
		var tired <-chan time.Time
		if !known {
			tired = patience.C
		}
		select {
		case <-turn:
		case <-tired:
			return store.Errorf(store.KindUnavailable, "raft call", "call %d of a pipe whose start was not seen", seq)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (o *pipeOrder) passed(pipe, seq uint64) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.pipe == pipe && o.next == seq {
		o.next++
		o.changedLocked()
	}
}

func (o *pipeOrder) changedLocked() {
	close(o.turn)
	o.turn = make(chan struct{})
}
