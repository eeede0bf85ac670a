package e2e

import (
	"context"
	"errors"
	"math/rand/v2"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	smithyhttp "github.com/aws/smithy-go/transport/http"

	"cairn/internal/testproc"
)

const (
	// clientRetries is how often a client tries again, as an S3 client does, and
	// attemptTime how long it waits for an answer.
	clientRetries = 3
	attemptTime   = 10 * time.Second
)

// balanced is a client with every gateway of the cluster behind a load balancer,
// which looks after their health until the test ends.
type balanced struct {
	gateways []*backend
	next     atomic.Uint32
	retries  atomic.Uint32 // since they were last taken
}

func newBalanced(t testing.TB, c *testproc.Cluster) *balanced {
	b := &balanced{}
	for _, n := range c.Nodes() {
		b.gateways = append(b.gateways, newBackend(t, c, n))
	}
	return b
}

// pick returns the healthy gateways in turn, the others only if there are none.
func (b *balanced) pick() *backend {
	var g *backend
	for range b.gateways {
		g = b.gateways[int(b.next.Add(1))%len(b.gateways)]
		if g.healthy() {
			return g
		}
	}
	return g
}

// do runs op, and again elsewhere if it failed in a way that clients retry.
func (b *balanced) do(ctx context.Context, op func(context.Context, sdk) error) error {
	for try := 0; ; try++ {
		g := b.pick()
		err := g.attempt(ctx, op)
		if err == nil || !retried(err) {
			return err
		}
		if try == clientRetries {
			return errors.Join(errors.New("at "+g.name), err)
		}
		b.retries.Add(1)
		time.Sleep(rand.N(100 * time.Millisecond << try))
	}
}

// answered tells whether the gateway gave an answer at all.
func answered(err error) bool {
	var resp *smithyhttp.ResponseError
	return errors.As(err, &resp) && resp.HTTPStatusCode() != 0
}

// retried tells whether S3 clients retry: no answer, or one of the server's
// errors.
func retried(err error) bool {
	var resp *smithyhttp.ResponseError
	return !errors.As(err, &resp) || resp.HTTPStatusCode() == 0 ||
		resp.HTTPStatusCode() >= http.StatusInternalServerError
}
