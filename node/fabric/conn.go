package fabric

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/experimental"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/status"

	"cairn/placement"
	"cairn/store"
)

// bulkConns is the number of connections a peer that bulk calls are spread
// over: one connection is one reader goroutine, and saturates before a core does.
const bulkConns = 3

// peerConns are the connections to one peer: the first for control traffic, so
// that a heartbeat never queues behind a shard, the others for the rest.
type peerConns struct {
	addr string
	tls  *tls.Config
	next atomic.Uint32

	mu    sync.Mutex
	conns [1 + bulkConns]*grpc.ClientConn
}

// conn returns the connection for a method, making it if needed.
func (p *peerConns) conn(m Method) (*grpc.ClientConn, error) {
	i := 0
	if m >= 0x0300 {
		i = 1 + int(p.next.Add(1)%bulkConns)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.conns[i] == nil {
		c, err := dial(p.addr, p.tls)
		if err != nil {
			return nil, err
		}
		p.conns[i] = c
	}
	return p.conns[i], nil
}

func (p *peerConns) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i, c := range p.conns {
		if c != nil {
			c.Close()
			p.conns[i] = nil
		}
	}
}

// dial makes a connection that reconnects by itself, at least once a second: a
// node that comes back must be usable at once.
func dial(addr string, cfg *tls.Config) (*grpc.ClientConn, error) {
	return grpc.NewClient("passthrough:///"+addr,
		grpc.WithTransportCredentials(newPackedTLS(cfg)), experimental.WithBufferPool(received),
		grpc.WithDefaultCallOptions(grpc.ForceCodecV2(codec{}),
			grpc.MaxCallRecvMsgSize(maxMessage), grpc.MaxCallSendMsgSize(maxMessage)),
		grpc.WithInitialWindowSize(streamWindow), grpc.WithInitialConnWindowSize(connWindow),
		grpc.WithReadBufferSize(0), grpc.WithWriteBufferSize(ioBuffer),
		grpc.WithConnectParams(grpc.ConnectParams{
			Backoff:           backoff.Config{BaseDelay: 100 * time.Millisecond, Multiplier: 1.6, Jitter: 0.2, MaxDelay: time.Second},
			MinConnectTimeout: 2 * time.Second,
		}),
		grpc.WithKeepaliveParams(keepalive.ClientParameters{Time: keepaliveTime, Timeout: keepaliveTimeout}),
		grpc.WithDisableServiceConfig(),
	)
}

// A connection on which nothing has come for keepaliveTime is asked for a sign of
// life, and given up, with the calls on it, if none comes within keepaliveTimeout.
const (
	keepaliveTime    = 10 * time.Second
	keepaliveTimeout = 4 * time.Second
)

// NodeName is the DNS name in a node's certificate. The server's is checked
// against the node that is called, the client's tells who calls.
func NodeName(id placement.NodeID) string { return fmt.Sprintf("node-%d.cairn", id) }

func nodeOfCert(c *x509.Certificate) (placement.NodeID, bool) {
	for _, name := range c.DNSNames {
		num, ok := strings.CutSuffix(name, ".cairn")
		if !ok {
			continue
		}
		if n, err := strconv.ParseUint(strings.TrimPrefix(num, "node-"), 10, 32); err == nil {
			return placement.NodeID(n), true
		}
	}
	return 0, false
}

func clientTLS(base *tls.Config, id placement.NodeID) *tls.Config {
	cfg := base.Clone()
	cfg.ServerName = NodeName(id)
	return cfg
}

// CallOpen calls an open method of the node at addr, whose identity is checked
// by cfg alone. A node that has no certificate yet joins this way.
func CallOpen(ctx context.Context, addr string, cfg *tls.Config, m Method, req *Message) (*Message, error) {
	conn, err := dial(addr, cfg)
	if err != nil {
		return nil, unreachable(0, err.Error())
	}
	defer conn.Close()
	return invoke(ctx, conn, 0, m, req)
}

// brokenCall is the error of a call that was sent and got no reply.
func brokenCall(to placement.NodeID, err error) error {
	switch status.Code(err) {
	case codes.ResourceExhausted:
		return store.Errorf(store.KindTooLarge, "call", "node %d: %w", to, err)
	case codes.Canceled:
		return callEnded(to, context.Canceled)
	}
	return &store.Error{Op: "call", Kind: store.KindTimeout, Resource: fmt.Sprintf("node %d", to), Err: err}
}
