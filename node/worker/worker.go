package worker

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"cairn/node/blob"
	"cairn/node/data"
	"cairn/node/fabric"
	"cairn/node/meta"
	"cairn/node/raftgroup"
	"cairn/node/root"
	"cairn/placement"
	"cairn/store"
)

// Config is what the worker works with.
type Config struct {
	Fabric  fabric.Fabric
	Root    *root.Client
	Meta    *meta.Server
	Rows    *meta.Client
	Data    *data.Client
	Local   *data.Server
	Blobs   *blob.Client
	Session *raftgroup.Session
	Clock   func() time.Time
	Logger  *slog.Logger
}

// How often each kind of work is looked for.
const (
	leaderInterval = time.Second
	diskInterval   = 10 * time.Minute
)

// Worker runs the background work of one node. It owns two goroutines, and
// one for each call to another node that may last.
type Worker struct {
	cfg    Config
	cancel context.CancelFunc
	done   sync.WaitGroup

	mu     sync.Mutex
	stats  map[raftgroup.GroupID]*GroupStats
	absent map[absence]time.Time        // since when a disk was seen not to be a holder
	scans  map[placement.PGID]time.Time // when a group was last looked through

	retries map[heldKey]retry
	counts  map[raftgroup.GroupID]queueCount
}

// GroupStats is what the last pass over a group that this node leads has found.
type GroupStats struct {
	At           time.Time
	Debts        int         // blobs with owed shards
	DebtsByLeft  map[int]int // the same by redundancy left
	Deletions    int         // blobs due for deletion that could not be deleted yet
	Waiting      int         // blobs in the queue that are not due yet
	WaitingBytes uint64      // payload bytes of all in the queue
	Why          string      // why debts or deletions wait, for people
	OldestDebt   store.Time  // creation of the oldest blob with a debt
}

// Start begins the work.
func Start(cfg Config) *Worker {
	ctx, cancel := context.WithCancel(context.Background())
	w := &Worker{
		cfg: cfg, cancel: cancel, stats: map[raftgroup.GroupID]*GroupStats{},
		absent: map[absence]time.Time{}, scans: map[placement.PGID]time.Time{},
		retries: map[heldKey]retry{}, counts: map[raftgroup.GroupID]queueCount{},
	}
	w.done.Go(func() { w.every(ctx, 0, w.leaderPass) })
	w.done.Go(func() { w.every(ctx, diskInterval, w.diskPass) })
	return w
}

// Close ends the work.
func (w *Worker) Close() {
	w.cancel()
	w.done.Wait()
}

// Stats returns what is owed and queued in the groups that this node leads.
func (w *Worker) Stats() map[raftgroup.GroupID]GroupStats {
	w.mu.Lock()
	defer w.mu.Unlock()
	out := map[raftgroup.GroupID]GroupStats{}
	for id, s := range w.stats {
		out[id] = *s
	}
	return out
}

// every runs pass each d of the node's clock, looked at once a second.
func (w *Worker) every(ctx context.Context, d time.Duration, pass func(context.Context)) {
	tick := time.NewTicker(leaderInterval)
	defer tick.Stop()
	last := w.cfg.Clock()
	for {
		select {
		case <-tick.C:
			if now := w.cfg.Clock(); now.Sub(last) >= d {
				pass(ctx)
				last = now
			}
		case <-ctx.Done():
			return
		}
	}
}

// leaderPass works off the lists of the groups that this node leads, all at
// once: one that waits must not hold up the others.
func (w *Worker) leaderPass(ctx context.Context) {
	var wg sync.WaitGroup
	for _, g := range w.cfg.Meta.Groups() {
		if !g.IsLeader() {
			w.forget(g.ID())
			continue
		}
		wg.Go(func() {
			s := &GroupStats{At: time.Now(), DebtsByLeft: map[int]int{}}
			for _, pass := range []func(context.Context, *raftgroup.Group, *GroupStats) error{
				w.payDebts, w.deleteDue, w.deleteHeld, w.countQueue,
			} {
				if err := pass(ctx, g, s); err != nil && ctx.Err() == nil {
					s.Why = err.Error()
					w.cfg.Logger.Debug("background pass", "group", g.ID(), "err", err)
				}
			}
			w.mu.Lock()
			w.stats[g.ID()] = s
			w.mu.Unlock()
		})
	}
	wg.Wait()
}

func (w *Worker) forget(id raftgroup.GroupID) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.stats, id)
	delete(w.counts, id)
}
