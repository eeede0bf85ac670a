package raftgroup

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/hashicorp/raft"

	"cairn/node/fabric"
	"cairn/store"
)

// InstallSnapshot implements raft.Transport: the stream goes out in pages, each
// of which waits for its reply; the reply to the last is the outcome.
func (t *transport) InstallSnapshot(id raft.ServerID, _ raft.ServerAddress, req *raft.InstallSnapshotRequest,
	resp *raft.InstallSnapshotResponse, data io.Reader) error {
	buf := make([]byte, pageBytes)
	c := pageCall{session: rand.Uint64(), req: req}
	for ; ; c.page++ {
		n, err := io.ReadFull(data, buf)
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			c.last = true
		} else if err != nil {
			return fmt.Errorf("read snapshot: %w", err)
		}
		timeout := pageTimeout
		if c.last {
			timeout = installTimeout
		}
		b, err := t.call(timeout, id, methodPage, func(head []byte) ([]byte, [][]byte) {
			return c.encode(head), [][]byte{buf[:n]}
		})
		if err != nil {
			return err
		}
		if c.last {
			resp.Term, resp.Success, err = decodeVoteReply(b)
			return err
		}
	}
}

// inbound is the snapshot that a group is receiving. There is one at a time; a
// new one ends the one before.
type inbound struct {
	mu sync.Mutex
	s  *session
}

type session struct {
	num    uint64
	next   uint64 // the page that is due; owned by the call that handles a page
	w      *io.PipeWriter
	answer <-chan raft.RPCResponse
	idle   *time.Timer // ends the session when no page comes
	busy   bool        // a page is being handled; guarded by inbound.mu
}

// sizedReader reads the pages. Raft compares what it read with the size in the
// request, which the sender does not know; the request gets it here, at the end.
type sizedReader struct {
	r   io.Reader
	req *raft.InstallSnapshotRequest
	n   int64
}

// Read implements io.Reader.
func (r *sizedReader) Read(p []byte) (int, error) {
	n, err := r.r.Read(p)
	r.n += int64(n)
	if err == io.EOF {
		r.req.Size = r.n
	}
	return n, err
}

func (t *transport) servePage(ctx context.Context, from raft.ServerID, d *decoder, req *fabric.Message) (*fabric.Message, error) {
	c, err := decodePage(d)
	if err != nil {
		return nil, err
	}
	s, err := t.session(ctx, from, c)
	if err != nil {
		return nil, err
	}
	defer t.inbound.leave(s)
	stop := context.AfterFunc(ctx, func() { s.w.CloseWithError(ctx.Err()) })
	defer stop()
	for _, part := range req.Body {
		if _, err := s.w.Write(part); err != nil {
			return nil, store.Errorf(store.KindUnavailable, "receive snapshot", "%w", err)
		}
	}
	if !c.last {
		return &fabric.Message{}, nil
	}
	s.idle.Stop()
	s.w.Close()
	resp, err := t.await(ctx, s.answer)
	if err != nil {
		return nil, err
	}
	r := resp.(*raft.InstallSnapshotResponse)
	return &fabric.Message{Head: encodeVoteReply(r.Term, r.Success)}, nil
}

// session finds the session of a page, or starts it with page 0.
func (t *transport) session(ctx context.Context, from raft.ServerID, c pageCall) (*session, error) {
	if c.page > 0 {
		return t.inbound.enter(c)
	}
	t.inbound.end(errors.New("the leader sends another snapshot"))
	r, w := io.Pipe()
	c.req.RPCHeader, c.req.Leader = header(from), []byte(from)
	answer, err := t.deliver(ctx, c.req, &sizedReader{r: r, req: c.req})
	if err != nil {
		return nil, err
	}
	s := &session{num: c.session, next: 1, w: w, answer: answer, busy: true}
	s.idle = time.AfterFunc(2*pageTimeout, func() { w.CloseWithError(errors.New("no page came any more")) })
	t.inbound.mu.Lock()
	defer t.inbound.mu.Unlock()
	t.inbound.s = s
	return s, nil
}

// enter takes the session for a page behind the first.
func (in *inbound) enter(c pageCall) (*session, error) {
	in.mu.Lock()
	defer in.mu.Unlock()
	s := in.s
	if s == nil || s.num != c.session || s.next != c.page || s.busy {
		return nil, store.Errorf(store.KindConflict, "receive snapshot", "page %d is not due", c.page)
	}
	s.busy = true
	s.next++
	s.idle.Reset(2 * pageTimeout)
	return s, nil
}

func (in *inbound) leave(s *session) {
	in.mu.Lock()
	defer in.mu.Unlock()
	s.busy = false
}

// end breaks the session off, if there is one.
func (in *inbound) end(why error) {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.s != nil {
		in.s.idle.Stop()
		in.s.w.CloseWithError(why)
		in.s = nil
	}
}
