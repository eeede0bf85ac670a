package fabric

import (
	"context"
	"fmt"
	"sync"
	"time"

	"cairn/placement"
	"cairn/store"
)

// Network connects the nodes of one process. The zero value is not usable;
// make one with [NewNetwork]. All methods may be called at any time.
type Network struct {
	mu     sync.RWMutex
	nodes  map[placement.NodeID]*Inproc
	faults func(from, to placement.NodeID, m Method) Fault
}

// Fault is what happens to one call. The zero value is no fault.
type Fault struct {
	// Delay is waited before the handler runs.
	Delay time.Duration
	// DropRequest loses the request: the caller waits for its deadline, or until a
	// connection that is silent so long would be given up.
	DropRequest bool
	// DropReply runs the handler and loses its answer.
	DropReply bool
}

// NewNetwork returns a network without nodes.
func NewNetwork() *Network {
	return &Network{nodes: map[placement.NodeID]*Inproc{}}
}

// SetFaults installs the fault of every later call; nil removes it. f must be
// safe for concurrent use.
func (n *Network) SetFaults(f func(from, to placement.NodeID, m Method) Fault) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.faults = f
}

// Join connects a node, replacing an earlier one of the same id, as a restarted
// process replaces a dead one.
func (n *Network) Join(id placement.NodeID) *Inproc {
	f := &Inproc{net: n, self: id, handlers: map[Method]Handler{}}
	f.life, f.end = context.WithCancel(context.Background())
	n.mu.Lock()
	defer n.mu.Unlock()
	n.nodes[id] = f
	return f
}

// route returns the node that serves id now, and the fault of this call.
func (n *Network) route(from *Inproc, id placement.NodeID, m Method) (*Inproc, Fault) {
	n.mu.RLock()
	defer n.mu.RUnlock()
	var f Fault
	if n.faults != nil {
		f = n.faults(from.self, id, m)
	}
	return n.nodes[id], f
}

// leave disconnects f, unless a newer node has taken its id.
func (n *Network) leave(f *Inproc) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.nodes[f.self] == f {
		delete(n.nodes, f.self)
	}
}

// Inproc is one node's end of a [Network]. Handlers run on the goroutine of
// their caller and see the caller's own memory: nothing is copied.
type Inproc struct {
	net  *Network
	self placement.NodeID
	life context.Context // ends with the node: its handlers are broken off
	end  context.CancelFunc

	mu       sync.RWMutex
	closed   bool
	handlers map[Method]Handler
	running  sync.WaitGroup
}

var _ Fabric = (*Inproc)(nil)

// Self returns this node's id.
func (f *Inproc) Self() placement.NodeID { return f.self }

// SetPeer does nothing: the network knows its nodes.
func (f *Inproc) SetPeer(placement.NodeID, string) {}

// Handle registers a handler.
func (f *Inproc) Handle(m Method, h Handler) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if _, dup := f.handlers[m]; dup {
		panic(fmt.Sprintf("fabric: method %#x registered twice", uint16(m)))
	}
	f.handlers[m] = h
}

// Close disconnects the node, as kill -9 disconnects a process: calls to it
// fail at once, calls from it too. It returns when no handler runs any more.
func (f *Inproc) Close() {
	f.net.leave(f)
	f.mu.Lock()
	f.closed = true
	f.mu.Unlock()
	f.end()
	f.running.Wait()
}

// Call runs the handler of the node to.
func (f *Inproc) Call(ctx context.Context, to placement.NodeID, m Method, req *Message) (*Message, error) {
	if f.isClosed() {
		return nil, unreachable(to, "this node is stopped")
	}
	if to != f.self {
		calls.Add(1)
	}
	peer, fault := f.net.route(f, to, m)
	if peer == nil {
		return nil, unreachable(to, "connection refused")
	}
	if err := sleep(ctx, fault.Delay); err != nil {
		return nil, callEnded(to, err)
	}
	if fault.DropRequest {
		return nil, silence(ctx, to)
	}
	reply, err := peer.serve(ctx, Peer{Node: f.self}, m, req)
	if fault.DropReply {
		reply.Release()
		return nil, silence(ctx, to)
	}
	return reply, err
}

// silence is the end of a call that no answer comes to.
func silence(ctx context.Context, to placement.NodeID) error {
	err := sleep(ctx, keepaliveTime+keepaliveTimeout)
	if err == nil {
		err = context.DeadlineExceeded
	}
	return callEnded(to, err)
}

func (f *Inproc) isClosed() bool {
	f.mu.RLock()
	defer f.mu.RUnlock()
	return f.closed
}

// serve runs one handler. Its error loses everything that would not survive the
// wire, so that no caller comes to depend on it.
func (f *Inproc) serve(ctx context.Context, from Peer, m Method, req *Message) (*Message, error) {
	f.mu.RLock()
	h := f.handlers[m]
	closed := f.closed
	if !closed {
		f.running.Add(1)
	}
	f.mu.RUnlock()
	if closed {
		return nil, unreachable(f.self, "connection refused")
	}
	defer f.running.Done()
	if h == nil {
		return nil, noHandler(f.self, m)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(f.life, cancel)()
	reply, err := h(ctx, from, req)
	if err != nil && f.life.Err() != nil {
		return nil, callEnded(f.self, context.DeadlineExceeded) // what a broken connection looks like
	}
	if err != nil {
		return nil, store.DecodeError(store.AppendError(nil, err))
	}
	return reply, nil
}

func sleep(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
