package objectapi

import (
	"context"
	"time"

	"cairn/objectapi/machine"
	"cairn/store"
)

const (
	// queuedDrains is how many keys may wait. One that finds no room is left to
	// the engine's sweep.
	queuedDrains = 1024
	drainTimeout = 5 * time.Minute
)

// drain is a key with freed data that waits to be given back.
type drain struct {
	ns  store.NS
	key string
}

// drainSoon has the data freed that a command on the request's key left behind,
// if it did.
func (q *request) drainSoon(left bool) {
	if left {
		q.g.drainLater(q.ns, q.key)
	}
}

func (g *Gateway) drainLater(ns store.NS, key string) {
	select {
	case g.drains <- drain{ns, key}:
	default:
	}
}

// runDrains works the queue off until ctx ends. What is lost then is found by
// machine.Client.Sweep.
func (g *Gateway) runDrains(ctx context.Context) {
	defer g.running.Done()
	for {
		select {
		case <-ctx.Done():
			return
		case d := <-g.drains:
			dctx, cancel := context.WithTimeout(ctx, drainTimeout)
			if err := g.objects.Drain(dctx, d.ns, d.key); err != nil && ctx.Err() == nil && store.ReasonOf(err) != machine.ReasonBucket {
				g.observer.log.Warn("freeing the data of a replaced object failed; the sweep will do it", "key", d.key, "cause", err)
			}
			cancel()
		}
	}
}
