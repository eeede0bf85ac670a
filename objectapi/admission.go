package objectapi

import (
	"context"
	"sync/atomic"
	"time"

	"golang.org/x/sync/semaphore"

	"cairn/objectapi/s3err"
)

// memoryWait is how long a request waits for a buffer before it is refused.
const memoryWait = 20 * time.Second

// budget bounds the memory of data buffers. Waiters are served in order.
//
// It cannot deadlock: what holds memory gives it back without taking more. An
// upload's full buffers are placed and hashed whether or not it gets a further
// one; a download takes its pieces in the order in which it sends them.
type budget struct {
	size int64
	used atomic.Int64
	sem  *semaphore.Weighted
}

func newBudget(size int64) *budget {
	return &budget{size: size, sem: semaphore.NewWeighted(size)}
}

// take takes n bytes, waiting for others to give theirs back.
func (b *budget) take(ctx context.Context, n int) error {
	if !b.sem.TryAcquire(int64(n)) {
		waiting, cancel := context.WithTimeout(ctx, memoryWait)
		defer cancel()
		if err := b.sem.Acquire(waiting, int64(n)); err != nil {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			return s3err.New(s3err.SlowDown)
		}
	}
	b.used.Add(int64(n))
	return nil
}

// give gives n bytes back.
func (b *budget) give(n int) {
	b.used.Add(-int64(n))
	b.sem.Release(int64(n))
}

// crowded reports whether more than half is taken.
func (b *budget) crowded() bool { return b.used.Load() > b.size/2 }

// admit counts a request in, or refuses it.
func (g *Gateway) admit() error {
	if g.draining.Load() {
		return s3err.Msg(s3err.ServiceUnavailable, "This node is shutting down. Connect to another.").
			WithHeader("Connection", "close")
	}
	if g.inFlight.Add(1) > int64(g.limits.Requests) {
		g.inFlight.Add(-1)
		return s3err.New(s3err.SlowDown).WithHeader("Retry-After", "1")
	}
	return nil
}

func (g *Gateway) leave() { g.inFlight.Add(-1) }
