package objectapi

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/trace"

	"cairn/iam"
	"cairn/objectapi/checksum"
	"cairn/objectapi/machine"
	"cairn/objectapi/sigv4"
	"cairn/store"
)

// service is the name in the credential scope of requests to this gateway.
const service = "s3"

// Gateway serves S3. Make one with [New]; its methods may be called
// concurrently.
type Gateway struct {
	store   store.Store
	objects *machine.Client
	iam     *iam.Service
	region  string
	domains []string
	limits  Limits
	hasher  *checksum.Hasher
	keys    sigv4.Keys
	now     func() time.Time

	// keepAliveAfter is how long an operation may take before its answer begins
	// with white space, so that neither client nor proxy gives up.
	keepAliveAfter time.Duration
	// retryAfter is the first wait of patiently.
	retryAfter time.Duration

	uploads   *budget
	downloads *budget
	inFlight  atomic.Int64
	draining  atomic.Bool

	observer *observer
	tracer   trace.Tracer

	// Background work. stop ends it; running counts it and the requests.
	drains  chan drain
	stop    context.CancelFunc
	running sync.WaitGroup
}

// New returns a gateway. Call Close when no more requests come.
func New(cfg Config) (*Gateway, error) {
	cfg.setDefaults()
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	observer, err := newObserver(cfg.Logger, cfg.Registerer)
	if err != nil {
		return nil, err
	}
	ctx, stop := context.WithCancel(context.Background())
	g := &Gateway{
		store:   cfg.Store,
		objects: machine.NewClient(cfg.Store),
		iam:     cfg.IAM,
		region:  cfg.Region,
		domains: cfg.Domains,
		limits:  cfg.Limits,
		hasher:  checksum.NewHasher(),
		now:     time.Now,

		keepAliveAfter: 10 * time.Second,
		retryAfter:     500 * time.Millisecond,
		uploads:        newBudget(cfg.Limits.UploadMemory),
		downloads:      newBudget(cfg.Limits.DownloadMemory),
		observer:       observer,
		tracer:         otel.Tracer("cairn/objectapi"),
		drains:         make(chan drain, queuedDrains),
		stop:           stop,
	}
	g.running.Add(2)
	go g.runDrains(ctx)
	go g.runResumes(ctx)
	return g, nil
}

// Drain makes the gateway answer further requests with 503 and ask their
// clients to reconnect elsewhere. Requests that run go on.
func (g *Gateway) Drain() { g.draining.Store(true) }

// Close ends background work and returns when it and all requests have ended.
// The http.Server should have been shut down before.
func (g *Gateway) Close() {
	g.Drain()
	g.stop()
	g.running.Wait()
	g.hasher.Close()
	g.observer.close()
}
