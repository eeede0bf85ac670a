package e2e

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"text/tabwriter"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/time/rate"

	"cairn/internal/testproc"
)

var (
	chaosTime = flag.Duration("chaos", 0, "let faults happen by chance for this long, instead of one of each kind")
	seed      = flag.Uint64("seed", 0, "order of the faults of -chaos; 0: by the clock")
)

// Deadlines of what a cluster does by itself after a fault, on a busy machine.
const (
	settleTime = 60 * time.Second
	cleanTime  = 90 * time.Second
)

// chaosRun is a cluster under load to which faults happen.
type chaosRun struct {
	t       *testing.T
	cluster *testproc.Cluster
	load    *load
	rng     *rand.Rand
	table   strings.Builder
	rows    *tabwriter.Writer
}

// Processes die and hang under load, alone, by zones, and more than may be borne
// for going on. Nothing acknowledged is lost or reads as anything else, no
// request fails that its client's retries could save, leaders are replaced at
// once, and the cluster becomes clean by itself.
func TestKill(t *testing.T) {
	r := newChaosRun(t)
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); r.load.run(ctx) }()
	defer func() { stop(); <-done }()

	if *chaosTime > 0 {
		r.byChance(*chaosTime)
	} else {
		for _, f := range faults {
			r.happen(f, f.hold)
		}
	}
	stop()
	<-done
	took := waitClean(t, r.cluster.Node("a1"), cleanTime)
	r.readBack("everything is up")
	r.oneZoneDown()
	require.NoError(t, r.rows.Flush())
	t.Logf("clean %v after the load had ended; %d requests failed while there was no quorum\n%s",
		took.Round(10*time.Millisecond), r.load.excuses, r.table.String())
}

func newChaosRun(t *testing.T) *chaosRun {
	s := *seed
	if s == 0 && *chaosTime > 0 {
		s = uint64(time.Now().UnixNano())
	}
	t.Logf("seed %d", s)
	o, space := testproc.Options{}, rate.Inf
	if *chaosTime > 0 {
		space = chaosBytes
		o.Settings = []string{"down_out: 20s"} // so that long faults have shards rebuilt
	}
	r := &chaosRun{t: t, cluster: startCluster(t, o), rng: rand.New(rand.NewPCG(s, 0))}
	r.load = newLoad(newBalanced(t, r.cluster), s, space)
	r.rows = tabwriter.NewWriter(&r.table, 0, 0, 2, ' ', 0)
	fmt.Fprintln(r.rows, "fault\tlasted\twrites\tretries\tlongest gap\tslowest write\tsettled after")
	require.NoError(t, createChaosBuckets(t.Context(), r.load.client))
	return r
}

// byChance lets faults happen in any order until the time is over.
func (r *chaosRun) byChance(total time.Duration) {
	for end := time.Now().Add(total); time.Now().Before(end); {
		f := faults[r.rng.IntN(len(faults))]
		hold := f.hold/2 + time.Duration(r.rng.Int64N(int64(5*f.hold)))
		r.happen(f, min(hold, time.Minute))
	}
}

// happen lets a fault begin, last and end, and waits until metadata bears the
// next one.
func (r *chaosRun) happen(f fault, hold time.Duration) {
	r.t.Logf("%s: %s, for %v", time.Now().Format("15:04:05.000"), f.name, hold)
	r.load.acks.cut()
	if f.excused {
		r.load.excuse(time.Now().Add(time.Hour))
	}
	end, err := f.begin(r.t.Context(), r)
	require.NoError(r.t, err)
	time.Sleep(hold) // the load goes on
	require.NoError(r.t, end())
	ctx, cancel := context.WithTimeout(r.t.Context(), settleTime)
	defer cancel()
	require.NoError(r.t, r.cluster.WaitReady(ctx))
	settled, err := r.cluster.Nodes()[0].WaitSettled(ctx)
	require.NoError(r.t, err)
	if f.excused {
		r.load.excuse(time.Now())
	}
	m := r.load.acks.cut()
	fmt.Fprintf(r.rows, "%s\t%v\t%d\t%d\t%v\t%v\t%v\n", f.name, hold, m.writes, r.load.client.retries.Swap(0),
		m.gap.Round(time.Millisecond), m.slowest.Round(time.Millisecond), settled.Round(time.Millisecond))
	if f.stall > 0 && m.gap > f.stall {
		r.t.Errorf("%s: %v without an acknowledgement", f.name, m.gap)
	}
	r.check(f.name)
}

// check reports what went wrong since the last time.
func (r *chaosRun) check(when string) {
	r.t.Helper()
	failed, wrong := r.load.trouble()
	for _, f := range failed {
		r.t.Errorf("%s: %s", when, f)
	}
	for _, w := range wrong {
		r.t.Errorf("%s: WRONG DATA: %s", when, w)
	}
}

// readBack reads all that was ever written.
func (r *chaosRun) readBack(when string) {
	r.t.Helper()
	began := time.Now()
	n := r.load.readAll(r.t.Context())
	r.t.Logf("%d keys read back while %s in %v", n, when, time.Since(began).Round(10*time.Millisecond))
	r.check("read back while " + when)
}

// oneZoneDown reads everything from two zones: a shard that is owed and forgotten
// would be missed now.
func (r *chaosRun) oneZoneDown() {
	zone, _ := r.zone()
	r.kill(zone...)
	r.readBack("zone " + zone[0].Zone + " is down")
}
