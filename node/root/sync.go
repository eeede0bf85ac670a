package root

import (
	"context"
	"sync"

	pb "cairn/proto"
)

// syncer shares a question among those who ask it at the same time: all who
// come while one is under way wait for the next one, as the answer under way
// may be older than they are.
type syncer struct {
	mu      sync.Mutex
	running bool
	next    *syncRound
}

type syncRound struct {
	done chan struct{}
	err  error
}

// Sync waits until the view has everything that the root committed before the
// call. It is what a reader does that finds a name missing.
func (c *Client) Sync(ctx context.Context) error {
	s := &c.sync
	s.mu.Lock()
	if s.next == nil {
		s.next = &syncRound{done: make(chan struct{})}
	}
	round := s.next
	lead := !s.running
	if lead {
		s.running, s.next = true, nil
	}
	s.mu.Unlock()
	if lead {
		c.runSyncs(ctx, round)
	}
	select {
	case <-round.done:
		return round.err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// runSyncs runs a round, and hands the ones that gathered meanwhile on.
func (c *Client) runSyncs(ctx context.Context, round *syncRound) {
	round.err = c.syncOnce(ctx)
	close(round.done)
	s := &c.sync
	s.mu.Lock()
	next := s.next
	s.next = nil
	s.running = next != nil
	s.mu.Unlock()
	if next != nil {
		c.done.Go(func() { c.runSyncs(context.WithoutCancel(ctx), next) })
	}
}

func (c *Client) syncOnce(ctx context.Context) error {
	var reply pb.ReadNamesReply
	if err := c.atLeader(ctx, MethodReadNames, &pb.ReadNamesRequest{}, &reply); err != nil {
		return err
	}
	return c.waitEpoch(ctx, reply.Epoch)
}
