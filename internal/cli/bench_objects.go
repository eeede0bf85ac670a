package cli

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"cairn/node/admin"
)

// benchOptions are the flags of `cairn bench objects`.
type benchOptions struct {
	endpoint string
	rounds   int
	large    int // objects of 8 MiB a round
	small    int // objects of 4 KiB a round
	keys     int // at least so many in the bucket that is listed
	clients  int
	idle     time.Duration
}

const (
	largeSize    = 8 << 20
	smallSize    = 4 << 10
	largeClients = 4
)

func newBenchObjectsCommand(g *global) *cobra.Command {
	o := benchOptions{}
	c := &cobra.Command{
		Use:   "objects",
		Short: "Measure S3: CPU, fsyncs and calls for each operation, beside the budget",
		Long: `Store, read and list objects in a bucket of its own, several rounds with all kinds
in turn, and print the medians beside the budget. What counts is the CPU of the
servers (getrusage of every process, through the admin API) and counts of fsyncs
and calls; times and rates depend on the machine and its load. The CPU of this
client is not in the figures. The bucket is removed at the end.

Keys come from AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or from the
credentials file of the cluster's directory.`,
		Example: "  cairn bench objects\n  cairn dev --dir /tmp/b -- cairn bench objects --json",
		Args:    cobra.NoArgs,
		RunE:    func(c *cobra.Command, _ []string) error { return runBenchObjects(c.Context(), g, o) },
	}
	f := c.Flags()
	f.StringVar(&o.endpoint, "endpoint", "", "address of S3 (default $AWS_ENDPOINT_URL, then the cluster's)")
	f.IntVar(&o.rounds, "rounds", 5, "rounds; medians are taken over them")
	f.IntVar(&o.large, "large", 24, "objects of 8 MiB a round; 0 leaves them out")
	f.IntVar(&o.small, "small", 4000, "objects of 4 KiB a round; 0 leaves them out")
	f.IntVar(&o.keys, "keys", 10_000, "keys in the bucket that is listed, at least")
	f.IntVar(&o.clients, "clients", 64, "clients at once for 4 KiB objects")
	f.DurationVar(&o.idle, "idle", 5*time.Second, "how long to watch the idle cluster first")
	return c
}

// bench is one run.
type bench struct {
	g       *global
	o       benchOptions
	api     *client
	s3      *benchClient
	bucket  string
	samples map[string][]sample
	made    int // keys of 4 KiB objects so far
}

// sample is one phase of one round.
type sample struct {
	ops    int
	bytes  int64
	wall   time.Duration
	before admin.Usage
	after  admin.Usage
}

func runBenchObjects(ctx context.Context, g *global, o benchOptions) (err error) {
	if o.rounds < 1 || o.large < 0 || o.small < 0 || o.keys < 1000 || o.clients < 1 || o.idle < 0 {
		return usagef("rounds and clients must be at least 1, keys at least 1000")
	}
	api, err := g.client()
	if err != nil {
		return err
	}
	s3, err := g.benchClient(api, o.endpoint)
	if err != nil {
		return err
	}
	var id [4]byte
	rand.Read(id[:]) // never fails
	b := &bench{g: g, o: o, api: api, s3: s3, bucket: "bench-" + hex.EncodeToString(id[:]), samples: map[string][]sample{}}
	if err := s3.createBucket(ctx, b.bucket); err != nil {
		return fmt.Errorf("make bucket %s: %w", b.bucket, err)
	}
	defer func() { err = errors.Join(err, s3.emptyBucket(context.WithoutCancel(ctx), b.bucket)) }()
	if err := b.run(ctx); err != nil {
		return err
	}
	return b.report()
}

// run measures all phases, in turn in each round, so that what disturbs the
// machine disturbs all of them.
func (b *bench) run(ctx context.Context) error {
	err := b.measure(ctx, "idle", 0, 0, func(ctx context.Context) error { return pause(ctx, b.o.idle) })
	for round := 0; round < b.o.rounds && err == nil; round++ {
		err = b.round(ctx, round)
	}
	if err != nil {
		return err
	}
	if err := b.fill(ctx); err != nil {
		return err
	}
	for range b.o.rounds {
		if err := b.list(ctx); err != nil {
			return err
		}
	}
	return nil
}

func (b *bench) round(ctx context.Context, round int) error {
	large, small := b.o.large, b.o.small
	from := b.made
	b.made += small
	phases := []struct {
		name    string
		ops     int
		size    int64
		clients int
		do      func(ctx context.Context, i int) error
	}{
		{"put-8mib", large, largeSize, largeClients, func(ctx context.Context, i int) error { return b.s3.put(ctx, b.bucket, largeKey(i), largeSize) }},
		{"get-8mib", large, largeSize, largeClients, func(ctx context.Context, i int) error { return b.s3.get(ctx, b.bucket, largeKey(i), largeSize) }},
		{"put-4kib", small, smallSize, b.o.clients, func(ctx context.Context, i int) error { return b.s3.put(ctx, b.bucket, smallKey(from+i), smallSize) }},
		{"get-4kib", small, smallSize, b.o.clients, func(ctx context.Context, i int) error { return b.s3.get(ctx, b.bucket, smallKey(from+i), smallSize) }},
	}
	for _, p := range phases {
		if p.ops == 0 {
			continue
		}
		fmt.Fprintf(b.g.err, "round %d of %d: %s\n", round+1, b.o.rounds, p.name)
		err := b.measure(ctx, p.name, p.ops, int64(p.ops)*p.size, func(ctx context.Context) error {
			return parallel(ctx, p.clients, p.ops, p.do)
		})
		if err != nil {
			return fmt.Errorf("%s: %w", p.name, err)
		}
	}
	return nil
}

// fill adds keys until there are enough to list.
func (b *bench) fill(ctx context.Context) error {
	from, n := b.made, b.o.keys-b.made
	if n <= 0 {
		return nil
	}
	fmt.Fprintf(b.g.err, "adding %d keys\n", n)
	b.made = b.o.keys
	return parallel(ctx, b.o.clients, n, func(ctx context.Context, i int) error {
		return b.s3.put(ctx, b.bucket, smallKey(from+i), 1)
	})
}

// list reads pages of 1,000 keys from the beginning, the middle and the end.
func (b *bench) list(ctx context.Context) error {
	const pages = 20
	return b.measure(ctx, "list-1000", pages, 0, func(ctx context.Context) error {
		for i := range pages {
			if err := b.s3.list(ctx, b.bucket, smallKey((b.made-1000)*i/pages)); err != nil {
				return err
			}
		}
		return nil
	})
}

func largeKey(i int) string { return fmt.Sprintf("large/%06d", i) }
func smallKey(i int) string { return fmt.Sprintf("small/%09d", i) }

// measure asks the servers what they have used before and after f.
func (b *bench) measure(ctx context.Context, name string, ops int, bytes int64, f func(context.Context) error) error {
	s := sample{ops: ops, bytes: bytes}
	if err := b.api.get(ctx, "/v1/usage", &s.before); err != nil {
		return err
	}
	began := time.Now()
	if err := f(ctx); err != nil {
		return err
	}
	s.wall = time.Since(began)
	if err := b.api.get(ctx, "/v1/usage", &s.after); err != nil {
		return err
	}
	b.samples[name] = append(b.samples[name], s)
	return nil
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
