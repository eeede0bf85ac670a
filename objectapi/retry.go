package objectapi

import (
	"context"
	"time"

	"cairn/store"
)

// blobTries is how often a blob is put or got before its request fails. The
// engine has tried other disks by then; what is left is to wait until enough of
// them answer again. Without this a hiccup of a second would cost a client the
// gigabytes it has sent.
const blobTries = 4

// patiently runs f, and again while it gives [store.KindUnavailable], waiting
// longer each time.
func (g *Gateway) patiently(ctx context.Context, f func() error) error {
	delay := g.retryAfter
	for try := 1; ; try++ {
		err := f()
		if !store.Is(err, store.KindUnavailable) || try == blobTries {
			return err
		}
		timer := time.NewTimer(delay)
		select {
		case <-ctx.Done():
			timer.Stop()
			return err
		case <-timer.C:
		}
		delay *= 2
	}
}
