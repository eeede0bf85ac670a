package e2e

import (
	"context"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"

	"cairn/internal/testproc"
)

// A gateway that does not answer a check within checkPatience gets no requests
// any more, and what it was asked is asked of another, until it answers again.
const (
	checkInterval = 250 * time.Millisecond
	checkPatience = time.Second
)

// backend is one gateway as a load balancer sees it. A process that is paused
// still has its connections accepted, by the kernel; only a check tells.
type backend struct {
	sdk
	name string

	mu   sync.Mutex
	life context.Context // ends when the gateway is found to be silent
	end  context.CancelFunc
}

// newBackend begins to check a gateway, until the test ends.
func newBackend(t testing.TB, c *testproc.Cluster, n *testproc.Node) *backend {
	once := func(o *s3.Options) { o.RetryMaxAttempts = 1 }
	b := &backend{sdk: newSDK(t, c, n.Name, once), name: n.Name}
	b.life, b.end = context.WithCancel(context.Background())
	client := httpClient(t, c)
	var done sync.WaitGroup
	ctx, cancel := context.WithCancel(context.Background())
	done.Go(func() {
		for ctx.Err() == nil {
			b.set(answers(ctx, client, n.S3))
			time.Sleep(checkInterval)
		}
	})
	t.Cleanup(func() { cancel(); done.Wait(); b.set(false) })
	return b
}

// answers asks for anything: a refusal is a sign of life, too.
func answers(ctx context.Context, client *http.Client, url string) bool {
	ctx, cancel := context.WithTimeout(ctx, checkPatience)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return false
	}
	resp, err := client.Do(req)
	if err != nil {
		return false
	}
	return resp.Body.Close() == nil
}

// set takes the gateway out, with what it was asked, or in.
func (b *backend) set(healthy bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case !healthy:
		b.end()
	case b.life.Err() != nil:
		b.life, b.end = context.WithCancel(context.Background())
	}
}

func (b *backend) healthy() bool { return b.alive().Err() == nil }

func (b *backend) alive() context.Context {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.life
}

// attempt runs op once. A gateway that gave no answer at all is out until it
// passes a check.
func (b *backend) attempt(ctx context.Context, op func(context.Context, sdk) error) error {
	ctx, cancel := context.WithTimeout(ctx, attemptTime)
	defer cancel()
	if life := b.alive(); life.Err() == nil {
		defer context.AfterFunc(life, cancel)()
	}
	err := op(ctx, b.sdk)
	if err != nil && retried(err) && !answered(err) {
		b.set(false)
	}
	return err
}
