package nbd

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/semaphore"

	"cairn/store"
)

// errClosed is why connections end when the server does.
var errClosed = &store.Error{Op: "serve nbd", Kind: store.KindUnavailable, Err: errors.New("the server has shut down")}

// Server speaks NBD on connections. Make one with [NewServer]; its methods may
// be called concurrently.
type Server struct {
	cfg    Config
	memory *semaphore.Weighted // payload bytes of all connections

	draining atomic.Bool

	mu struct {
		sync.Mutex
		lastConn  uint64
		conns     map[uint64]*connection
		listeners map[net.Listener]struct{}
	}
	running sync.WaitGroup // connections and Serve calls; Add under mu, before draining
}

// NewServer returns a server that does nothing yet.
func NewServer(cfg Config) (*Server, error) {
	cfg.setDefaults()
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	if cfg.TLS.Config != nil {
		cfg.TLS.Config = serverTLS(cfg.TLS.Config)
	}
	s := &Server{cfg: cfg, memory: semaphore.NewWeighted(cfg.Limits.Memory)}
	s.mu.conns = map[uint64]*connection{}
	s.mu.listeners = map[net.Listener]struct{}{}
	return s, nil
}

// Serve accepts connections from l until the server shuts down, which returns
// nil, or l fails. It closes l.
func (s *Server) Serve(l net.Listener) error {
	defer l.Close()
	if !s.enter(func() { s.mu.listeners[l] = struct{}{} }) {
		return nil
	}
	defer s.leave(func() { delete(s.mu.listeners, l) })
	for {
		conn, err := l.Accept()
		switch {
		case err == nil:
			s.start(conn)
		case s.draining.Load():
			return nil
		case isExhaustion(err):
			// Out of descriptors: wait for connections to end.
			time.Sleep(50 * time.Millisecond)
		default:
			return fmt.Errorf("accept on %s: %w", l.Addr(), err)
		}
	}
}

// ServeConn speaks with one client and returns when the connection is closed
// and its attachment has ended.
func (s *Server) ServeConn(conn net.Conn) {
	if c := s.register(conn); c != nil {
		defer s.forget(c)
		c.serve()
	}
}

func (s *Server) start(conn net.Conn) {
	if c := s.register(conn); c != nil {
		go func() {
			defer s.forget(c)
			c.serve()
		}()
	}
}

// enter counts a goroutine of the server and runs f under the lock, unless the
// server is shutting down.
func (s *Server) enter(f func()) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.draining.Load() {
		return false
	}
	s.running.Add(1)
	f()
	return true
}

func (s *Server) leave(f func()) {
	s.mu.Lock()
	f()
	s.mu.Unlock()
	s.running.Done()
}

// register makes a connection of conn, or closes it and returns nil.
func (s *Server) register(conn net.Conn) *connection {
	var c *connection
	entered := s.enter(func() {
		if len(s.mu.conns) >= s.cfg.Limits.Connections {
			return
		}
		s.mu.lastConn++
		c = newConnection(s, conn, s.mu.lastConn)
		s.mu.conns[c.peer.Conn] = c
	})
	switch {
	case c != nil:
		return c
	case entered:
		s.running.Done()
		s.cfg.Logger.Warn("nbd: connection refused: too many", "limit", s.cfg.Limits.Connections, "remote", remoteOf(conn))
	}
	conn.Close()
	return nil
}

func (s *Server) forget(c *connection) {
	s.leave(func() { delete(s.mu.conns, c.peer.Conn) })
}

// Disconnect cuts a connection by its number ([Peer.Conn]): its requests in
// flight are cancelled and not answered. It reports whether there was one, and
// does not wait for its end.
func (s *Server) Disconnect(conn uint64) bool {
	s.mu.Lock()
	c := s.mu.conns[conn]
	s.mu.Unlock()
	if c != nil {
		c.cut(store.Errorf(store.KindCanceled, "serve nbd", "disconnected by the server"))
	}
	return c != nil
}

// Shutdown stops accepting, lets what is in flight finish and be answered,
// answers what comes new with ESHUTDOWN for [Limits].Linger, and returns when
// every connection is closed and every export detached. When ctx ends first,
// the rest is cut as by Close, and ctx's error returned.
func (s *Server) Shutdown(ctx context.Context) error {
	s.mu.Lock()
	s.draining.Store(true)
	for l := range s.mu.listeners {
		l.Close()
	}
	end := time.Now().Add(s.cfg.Limits.Linger)
	for _, c := range s.mu.conns {
		c.deadline.drain(end)
	}
	s.mu.Unlock()

	ended := make(chan struct{})
	go func() { s.running.Wait(); close(ended) }()
	select {
	case <-ended:
		return nil
	case <-ctx.Done():
		s.cutAll()
		<-ended
		return context.Cause(ctx)
	}
}

// Close cuts every connection and returns when all have ended.
func (s *Server) Close() error {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_ = s.Shutdown(ctx)
	return nil
}

func (s *Server) cutAll() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.mu.conns {
		c.cut(errClosed)
	}
}
