package nbd

import (
	"bufio"
	"crypto/tls"
	"errors"
	"net"
	"os"
	"runtime"
	"time"

	"cairn/store"
)

const (
	// A batch of replies that has this many or this many bytes is sent before
	// more are gathered.
	maxBatch      = 64
	maxBatchBytes = 1 << 20

	// sealed is how much is encrypted at a time: some records of TLS.
	sealed = 64 << 10
)

// write sends replies, as many at once as are ready, until there are no more.
// When they cannot be sent it goes on making slots free; the reader finds out
// whether the client disconnected, or died.
func (s *session) write() {
	defer close(s.written)
	broken := false
	batch := make([]*request, 0, maxBatch)
	for r := range s.done {
		batch = s.gather(append(batch[:0], r))
		if !broken && s.ctx.Err() == nil {
			broken = s.send(batch) != nil
		}
		for _, r := range batch {
			s.giveBack(r)
		}
	}
}

// send sends a batch. After an error the reader has some time left, and none if
// the client does not take what it asked for.
func (s *session) send(batch []*request) error {
	err := s.out.send(batch)
	switch {
	case err == nil:
	case errors.Is(err, os.ErrDeadlineExceeded):
		s.cut(store.Errorf(store.KindTimeout, "serve nbd", "the client takes no replies: %w", err))
	default:
		s.deadline.drain(time.Now().Add(s.srv.cfg.Limits.Linger))
	}
	return err
}

// gather adds what else is ready to be sent.
func (s *session) gather(batch []*request) []*request {
	bytes := len(batch[0].data)
	yielded := false
	for len(batch) < maxBatch && bytes < maxBatchBytes {
		select {
		case r, more := <-s.done:
			if !more {
				return batch
			}
			batch = append(batch, r)
			bytes += len(r.data)
		default:
			if yielded {
				return batch
			}
			// Workers that are ready to run may have more in a moment.
			yielded = true
			runtime.Gosched()
		}
	}
	return batch
}

// gatherer sends the replies of a batch.
type gatherer interface {
	send(batch []*request) error
}

func newGatherer(c *connection, conn net.Conn) gatherer {
	if _, ok := conn.(*tls.Conn); ok {
		return &sealer{conn: c, buf: bufio.NewWriterSize(conn, sealed)}
	}
	return &vectored{conn: c}
}

// vectored sends a batch by one system call, without a copy.
type vectored struct {
	conn    *connection
	all     net.Buffers
	pending net.Buffers // what WriteTo has not consumed of all
}

func (v *vectored) send(batch []*request) error {
	v.all = v.all[:0]
	for _, r := range batch {
		v.all = append(v.all, r.out...)
	}
	v.conn.allowWriting()
	v.pending = v.all
	_, err := v.pending.WriteTo(v.conn.raw)
	clear(v.all)
	return err
}

// sealer copies a batch together, so that TLS makes few records of it.
type sealer struct {
	conn *connection
	buf  *bufio.Writer
}

func (w *sealer) send(batch []*request) error {
	w.conn.allowWriting()
	for _, r := range batch {
		for _, p := range r.out {
			if _, err := w.buf.Write(p); err != nil {
				return err
			}
		}
	}
	return w.buf.Flush()
}

// allowWriting gives the next write its time.
func (c *connection) allowWriting() {
	_ = c.raw.SetWriteDeadline(time.Now().Add(c.srv.cfg.Limits.Stall))
}
