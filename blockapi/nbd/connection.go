package nbd

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"syscall"
	"time"

	"cairn/store"
)

// connection is one client, from its first byte to its last.
type connection struct {
	srv  *Server
	raw  net.Conn // the socket, also below TLS
	peer Peer     // owned by serve

	// ctx ends when the connection dies; cancel gives the reason.
	ctx    context.Context
	cancel context.CancelCauseFunc

	deadline readDeadline
}

func newConnection(s *Server, raw net.Conn, id uint64) *connection {
	c := &connection{srv: s, raw: raw, peer: Peer{Conn: id, Remote: remoteOf(raw)}}
	c.ctx, c.cancel = context.WithCancelCause(context.Background())
	c.deadline.raw = raw
	return c
}

func remoteOf(conn net.Conn) string {
	if a := conn.RemoteAddr(); a != nil {
		return a.String()
	}
	return ""
}

// cut ends the connection now: nothing more is read or written, and the
// requests in flight are cancelled.
func (c *connection) cut(why error) {
	c.cancel(why)
	c.raw.Close()
}

// serve is the life of the connection.
func (c *connection) serve() {
	defer c.cut(errClosed) // no more than freeing the context, mostly
	log := c.srv.cfg.Logger.With("conn", c.peer.Conn, "remote", c.peer.Remote)

	conn, a, err := c.handshake()
	if a == nil {
		if err != nil {
			log.Info("nbd: handshake failed", "error", err)
		}
		return
	}
	log = log.With("export", a.info.Name, "principal", c.peer.Principal)
	log.Info("nbd: attached", "size", a.info.Size, "read_only", a.info.ReadOnly, "tls", c.peer.TLS)
	err = newSession(c, conn, a).run()
	a.export.Detach()
	if err != nil {
		log.Warn("nbd: detached", "error", err)
		return
	}
	log.Info("nbd: detached")
}

// handshake negotiates until the client is attached. Without an attachment the
// error says why the connection ends; nil is a client that said goodbye.
func (c *connection) handshake() (net.Conn, *attachment, error) {
	n := &negotiation{connection: c, conn: c.raw}
	err := n.run()
	if n.attached == nil {
		n.close()
		return nil, nil, c.reason(err)
	}
	if err != nil {
		n.attached.export.Detach()
		return nil, nil, c.reason(err)
	}
	return n.conn, n.attached, nil
}

// reason makes of an error of the connection what is told of its end: nil when
// the client left or the server wanted it, or why the connection was cut.
func (c *connection) reason(err error) error {
	if cause := context.Cause(c.ctx); cause != nil {
		return cause
	}
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded) && c.srv.draining.Load():
		return nil
	case errors.Is(err, os.ErrDeadlineExceeded):
		return store.Errorf(store.KindTimeout, "serve nbd", "the client makes no progress, or takes no replies: %w", err)
	case errors.Is(err, errDisconnected):
		return nil
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return store.Errorf(store.KindCanceled, "serve nbd", "the client hung up: %w", err)
	}
	return err
}

// errDisconnected ends a connection as the protocol wants it: after ABORT or
// DISC.
var errDisconnected = errors.New("the client disconnected")

// readDeadline is the deadline for reading from a connection. What the server
// wants (the end of the time for draining) goes before what the reader wants.
type readDeadline struct {
	raw net.Conn

	mu struct {
		sync.Mutex
		drained time.Time // zero unless draining
	}
}

// set gives the reader until t, zero for ever.
func (d *readDeadline) set(t time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if end := d.mu.drained; !end.IsZero() && (t.IsZero() || t.After(end)) {
		t = end
	}
	_ = d.raw.SetReadDeadline(t) // fails only on a closed connection
}

// drain lets nothing be read after t.
func (d *readDeadline) drain(t time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.mu.drained = t
	_ = d.raw.SetReadDeadline(t)
}

// isExhaustion reports whether accept failed for want of something that comes
// back when connections end.
func isExhaustion(err error) bool {
	return errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE) ||
		errors.Is(err, syscall.ENOBUFS) || errors.Is(err, syscall.ENOMEM)
}
