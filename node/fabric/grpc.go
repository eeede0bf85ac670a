package fabric

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/experimental"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/peer"

	"cairn/placement"
	"cairn/store"
)

// GRPC is one process's end of a cluster of processes. Calls to itself do not
// touch the network.
type GRPC struct {
	self   placement.NodeID
	tls    *tls.Config
	server *grpc.Server

	mu       sync.RWMutex
	handlers map[Method]Handler
	open     map[Method]bool
	peers    map[placement.NodeID]*peerConns
	closed   bool
}

var _ Fabric = (*GRPC)(nil)

// fabricCall is the one gRPC method.
const fabricCall = "/cairn.Fabric/Call"

// Window and buffer sizes: a shard of 2-3 MiB must never wait for a window
// update, and what is written at a time wakes the receiver once. Reading needs no
// buffer of gRPC's: there is one below TLS.
const (
	streamWindow = 4 << 20
	connWindow   = 16 << 20
	ioBuffer     = 256 << 10
)

// streamWorkers is how many calls find a goroutine whose stack has grown already.
// Any more get new ones.
const streamWorkers = 16

// NewGRPC returns the fabric of node self. The TLS configuration carries the
// node's certificate and the cluster's CA (see node/pki); it is used for both
// directions. Call [GRPC.Serve] to accept calls.
func NewGRPC(self placement.NodeID, cfg *tls.Config) *GRPC {
	f := &GRPC{
		self: self, tls: cfg,
		handlers: map[Method]Handler{}, open: map[Method]bool{},
		peers: map[placement.NodeID]*peerConns{},
	}
	f.server = grpc.NewServer(
		grpc.Creds(newPackedTLS(cfg)),
		grpc.ForceServerCodecV2(codec{}), experimental.BufferPool(received),
		grpc.MaxRecvMsgSize(maxMessage), grpc.MaxSendMsgSize(maxMessage),
		grpc.InitialWindowSize(streamWindow), grpc.InitialConnWindowSize(connWindow),
		grpc.ReadBufferSize(0), grpc.WriteBufferSize(ioBuffer),
		grpc.NumStreamWorkers(streamWorkers),
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: 5 * time.Second, PermitWithoutStream: true}),
	)
	f.server.RegisterService(&grpc.ServiceDesc{
		ServiceName: "cairn.Fabric",
		HandlerType: (*any)(nil),
		Methods:     []grpc.MethodDesc{{MethodName: "Call", Handler: serveCall}},
	}, f)
	return f
}

// Serve accepts calls on l until Close.
func (f *GRPC) Serve(l net.Listener) error { return f.server.Serve(l) }

// Self returns this node's id.
func (f *GRPC) Self() placement.NodeID { return f.self }

// Handle registers a handler for members of the cluster.
func (f *GRPC) Handle(m Method, h Handler) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if _, dup := f.handlers[m]; dup {
		panic(fmt.Sprintf("fabric: method %#x registered twice", uint16(m)))
	}
	f.handlers[m] = h
}

// HandleOpen registers a handler that also serves callers without a
// certificate, whose Peer.Node is 0. Only joining needs it.
func (f *GRPC) HandleOpen(m Method, h Handler) {
	f.Handle(m, h)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.open[m] = true
}

// Close stops serving and drops all connections; calls under way fail.
func (f *GRPC) Close() {
	f.server.Stop()
	f.mu.Lock()
	peers := f.peers
	f.peers, f.closed = map[placement.NodeID]*peerConns{}, true
	f.mu.Unlock()
	for _, p := range peers {
		p.close()
	}
}

// SetPeer tells where a node listens; a changed address drops the old
// connections.
func (f *GRPC) SetPeer(id placement.NodeID, addr string) {
	f.mu.Lock()
	old := f.peers[id]
	if f.closed || (old != nil && old.addr == addr) {
		f.mu.Unlock()
		return
	}
	f.peers[id] = &peerConns{addr: addr, tls: clientTLS(f.tls, id)}
	f.mu.Unlock()
	if old != nil {
		old.close()
	}
}

// Call sends one call and waits for the reply and until req's body is no
// longer read by the connection.
func (f *GRPC) Call(ctx context.Context, to placement.NodeID, m Method, req *Message) (*Message, error) {
	if to == f.self {
		return f.serve(ctx, Peer{Node: f.self}, m, req)
	}
	calls.Add(1)
	f.mu.RLock()
	p := f.peers[to]
	f.mu.RUnlock()
	if p == nil {
		return nil, unreachable(to, "its address is not known yet")
	}
	conn, err := p.conn(m)
	if err != nil {
		return nil, unreachable(to, err.Error())
	}
	return invoke(ctx, conn, to, m, req)
}

// invoke runs one call on conn.
func invoke(ctx context.Context, conn *grpc.ClientConn, to placement.NodeID, m Method, req *Message) (*Message, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	freed := make(chan struct{})
	out := &frame{method: m, msg: req, freed: func() { close(freed) }}
	in := &frame{}
	err := conn.Invoke(ctx, fabricCall, out, in)
	switch {
	case out.marshaled:
	case ctx.Err() != nil:
		return nil, callEnded(to, ctx.Err())
	default: // there was no connection to send it on
		return nil, unreachable(to, err.Error())
	}
	cancel()
	<-freed
	if err != nil {
		return nil, brokenCall(to, err)
	}
	if in.status == statusError {
		defer in.msg.Release()
		return nil, store.DecodeError(in.msg.Head)
	}
	return in.msg, nil
}

// serveCall is the gRPC method handler.
func serveCall(srv any, ctx context.Context, dec func(any) error, _ grpc.UnaryServerInterceptor) (any, error) {
	f := srv.(*GRPC)
	in := &frame{}
	if err := dec(in); err != nil {
		return nil, err
	}
	defer in.msg.Release()
	reply, err := f.serveFrom(ctx, in.method, in.msg)
	if err != nil {
		return &frame{status: statusError, method: in.method, msg: &Message{Head: store.AppendError(nil, err)}}, nil
	}
	return &frame{method: in.method, msg: reply, freed: reply.Release}, nil
}

// serveFrom finds out who calls and whether they may.
func (f *GRPC) serveFrom(ctx context.Context, m Method, req *Message) (*Message, error) {
	from, known := callerOf(ctx)
	f.mu.RLock()
	open := f.open[m]
	f.mu.RUnlock()
	if !known && !open {
		return nil, &store.Error{
			Op: "call", Kind: store.KindDenied, Err: fmt.Errorf("no certificate of this cluster"),
			Hint: "join the cluster with a token first",
		}
	}
	return f.serve(ctx, from, m, req)
}

func (f *GRPC) serve(ctx context.Context, from Peer, m Method, req *Message) (*Message, error) {
	f.mu.RLock()
	h, closed := f.handlers[m], f.closed
	f.mu.RUnlock()
	if closed {
		return nil, unreachable(f.self, "this node is stopped")
	}
	if h == nil {
		return nil, noHandler(f.self, m)
	}
	return h(ctx, from, req)
}

// callerOf reads the node id off the verified client certificate.
func callerOf(ctx context.Context) (Peer, bool) {
	p, ok := peer.FromContext(ctx)
	if !ok {
		return Peer{}, false
	}
	info, ok := p.AuthInfo.(credentials.TLSInfo)
	if !ok || len(info.State.VerifiedChains) == 0 {
		return Peer{}, false
	}
	id, ok := nodeOfCert(info.State.VerifiedChains[0][0])
	return Peer{Node: id}, ok
}
