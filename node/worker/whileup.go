package worker

import (
	"context"
	"time"

	"cairn/node/root"
	"cairn/placement"
)

// whileUp returns a context that ends when a node stops being up, and at latest
// after d. A node that is paused or cut off does not refuse a call, it swallows
// it; the pass would wait for that node as long as the work itself may take, and
// with it what is owed to all others. The
// caller cancels it when the call has returned.
func (w *Worker) whileUp(ctx context.Context, node placement.NodeID, d time.Duration) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithTimeout(ctx, d)
	w.done.Go(func() {
		tick := time.NewTicker(leaderInterval)
		defer tick.Stop()
		for ctx.Err() == nil {
			select {
			case <-tick.C:
				if state, _ := w.cfg.Root.Live().Node(node); state != root.Up {
					cancel()
				}
			case <-ctx.Done():
			}
		}
	})
	return ctx, cancel
}
