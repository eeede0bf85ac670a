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

	"github.com/aws/aws-sdk-go-v2/service/s3"

	"cairn/internal/testproc"
)

const (
	// clientRetries is how often a client tries again, as an S3 client does.
	clientRetries = 3
	// attemptTime is how long it waits for an answer; shunned is how long it then
	// stays away from that gateway, as a load balancer in front would.
	attemptTime = 10 * time.Second
	shunned     = 5 * time.Second
)

// balanced is a client with every gateway of the cluster behind it.
type balanced struct {
	gateways []*backend
	next     atomic.Uint32
	retries  atomic.Uint32 // since they were last taken
}

type backend struct {
	sdk
	name  string
	until atomic.Int64 // unix nanoseconds up to which it is shunned
}

func newBalanced(t testing.TB, c *testproc.Cluster) *balanced {
	b := &balanced{}
	for _, n := range c.Nodes() {
		once := func(o *s3.Options) { o.RetryMaxAttempts = 1 }
		b.gateways = append(b.gateways, &backend{sdk: newSDK(t, c, n.Name, once), name: n.Name})
	}
	return b
}

// pick returns the gateways in turn, those that are shunned only if all are.
func (b *balanced) pick() *backend {
	now := time.Now().UnixNano()
	var g *backend
	for range b.gateways {
		g = b.gateways[int(b.next.Add(1))%len(b.gateways)]
		if g.until.Load() < now {
			return g
		}
	}
	return g
}

// do runs op, and again elsewhere if it failed in a way that clients retry.
func (b *balanced) do(ctx context.Context, op func(context.Context, sdk) error) error {
	for try := 0; ; try++ {
		g := b.pick()
		err := attempt(ctx, g.sdk, op)
		if err == nil || !retried(err) {
			return err
		}
		if !answered(err) {
			g.until.Store(time.Now().Add(shunned).UnixNano())
		}
		if try == clientRetries {
			return errors.Join(errors.New("at "+g.name), err)
		}
		b.retries.Add(1)
		time.Sleep(rand.N(100 * time.Millisecond << try))
	}
}

func attempt(ctx context.Context, s sdk, op func(context.Context, sdk) error) error {
	ctx, cancel := context.WithTimeout(ctx, attemptTime)
	defer cancel()
	return op(ctx, s)
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
