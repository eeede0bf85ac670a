package nbd

import (
	"bufio"
	"context"
	"crypto/tls"
	"net"
	"sync"
	"time"

	"golang.org/x/sync/semaphore"
)

// readAhead is how much is read from the socket at once: hundreds of READs, or
// over a dozen WRITEs of 4 KiB.
const readAhead = 64 << 10

// session is a connection in the transmission phase. See the package's comment
// for its goroutines and who owns a request when.
type session struct {
	*connection
	*attachment
	conn net.Conn

	// The reader's.
	in      *bufio.Reader
	workers sync.WaitGroup
	started int // workers

	// Where slots wait for who is next to own them. There are as many slots as
	// each channel has room for, so only receiving ever blocks.
	free   chan *request // when it is empty, the socket is not read
	queued chan *request // to the workers
	done   chan *request // to the writer
	memory *semaphore.Weighted
	watch  *peerWatch

	out     gatherer
	written chan struct{} // closed when the writer has ended
}

func newSession(c *connection, conn net.Conn, a *attachment) *session {
	slots := c.srv.cfg.Limits.Requests
	s := &session{
		connection: c,
		attachment: a,
		conn:       conn,
		in:         bufio.NewReaderSize(conn, readAhead),
		free:       make(chan *request, slots),
		queued:     make(chan *request, slots),
		done:       make(chan *request, slots),
		memory:     semaphore.NewWeighted(c.srv.cfg.Limits.ConnectionMemory),
		out:        newGatherer(c, conn),
		written:    make(chan struct{}),
	}
	s.watch = newPeerWatch(c)
	for range slots {
		s.free <- new(request)
	}
	return s
}

// run serves requests until the client disconnects, the server drains or the
// connection dies; then all requests have ended, everything that could be
// answered is, and the connection is closed.
func (s *session) run() error {
	go s.write()
	s.deadline.set(time.Time{})
	err := s.reason(s.read())
	if err != nil {
		s.cancel(err)
	}
	// From here the goroutines end one kind after the other, each when those
	// before it can give it no more to do.
	close(s.queued)
	s.workers.Wait()
	close(s.done)
	<-s.written
	s.close(err)
	return context.Cause(s.ctx)
}

// close says goodbye in the way of TLS, if the peer may still listen.
func (s *session) close(err error) {
	if t, ok := s.conn.(*tls.Conn); ok && err == nil {
		_ = t.SetWriteDeadline(time.Now().Add(s.srv.cfg.Limits.Linger))
		_ = t.CloseWrite()
	}
	s.raw.Close()
}

// dispatch hands a request to a worker. There are as many workers as there were
// ever requests in flight, so each request has one.
func (s *session) dispatch(r *request) {
	if inFlight := cap(s.free) - len(s.free); s.started < inFlight {
		s.started++
		s.workers.Go(s.work)
	}
	s.queued <- r
}

func (s *session) work() {
	for r := range s.queued {
		s.execute(r)
		s.done <- r
	}
}
