package fill

import (
	"cmp"
	"context"
	"log/slog"
	"slices"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"cairn/node/blob"
	"cairn/node/data"
	"cairn/node/root"
	"cairn/placement"
	"cairn/store"
)

// Config is what a filler works with.
type Config struct {
	Local  *data.Server // the disks to be filled
	Remote *data.Client
	Blobs  *blob.Client
	Root   *root.Client
	// PassOver asks the owner of a blob whether it refers to it. If it does not,
	// and does so later by a receipt older than gen, it owes the slot then.
	PassOver func(ctx context.Context, owner store.Owner, blob store.BlobID, gen uint32, slot int) (used bool, err error)
	Logger   *slog.Logger
}

// Rate is how many bytes a second a node brings in when nothing is urgent.
const Rate = 100 << 20

// retryAfter is how long a slot that could not be finished rests.
const retryAfter = 5 * time.Second

// perDisk is how many slots of a disk are filled at a time: while one lists or
// waits for others' disks, the second keeps this one busy.
const perDisk = 2

// Filler fills this node's disks. It owns two goroutines, and one for
// each slot being filled.
type Filler struct {
	cfg   Config
	limit *rate.Limiter

	ended chan struct{} // a job has ended: its disk is free

	mu   sync.Mutex
	jobs map[slotKey]*Progress

	cancel context.CancelFunc
	done   sync.WaitGroup
}

type slotKey struct {
	pg   placement.PGID
	slot int
}

// Progress describes a slot that is being filled.
type Progress struct {
	PG      placement.PGID
	Slot    int
	Disk    placement.DiskID
	Gen     uint32
	Started time.Time
	Blobs   int    // looked at so far
	Copied  int    // brought in so far
	Bytes   int64  // of those
	Waits   string // why it does not go on, empty while it does

	retryAt time.Time
	running bool
}

// Start begins to follow the map.
func Start(cfg Config) *Filler {
	ctx, cancel := context.WithCancel(context.Background())
	f := &Filler{
		cfg: cfg, limit: rate.NewLimiter(Rate, store.MaxBlob), jobs: map[slotKey]*Progress{}, cancel: cancel,
		ended: make(chan struct{}, 1),
	}
	f.done.Go(func() { f.run(ctx) })
	f.done.Go(func() { f.watchDamage(ctx) })
	return f
}

// Close stops all fills; they start over with the node.
func (f *Filler) Close() {
	f.cancel()
	f.done.Wait()
}

// Progress returns the slots that are not complete, with what is known.
func (f *Filler) Progress() []Progress {
	f.mu.Lock()
	defer f.mu.Unlock()
	var out []Progress
	for _, p := range f.jobs {
		out = append(out, *p)
	}
	return out
}

// run looks for slots to fill when the map changes, when a job ends, and each
// second.
func (f *Filler) run(ctx context.Context) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for ctx.Err() == nil {
		_, changed := f.cfg.Root.View().Epoch()
		f.look(ctx)
		select {
		case <-changed:
		case <-f.ended:
		case <-tick.C:
		case <-ctx.Done():
		}
	}
}

// look starts jobs for the slots of local disks that are not complete, those
// whose group can lose fewest more shards first.
func (f *Filler) look(ctx context.Context) {
	wanted := map[slotKey]bool{}
	for _, s := range f.incomplete() {
		wanted[s.slotKey] = true
		f.begin(ctx, s.slotKey, s.row, s.row.Holders[s.slot])
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for key, p := range f.jobs {
		if !wanted[key] && !p.running {
			delete(f.jobs, key)
		}
	}
}

// incomplete is a slot of a local disk that has to be filled.
type incomplete struct {
	slotKey
	row  *placement.PG
	left int // shards that the group can still lose
}

// incomplete returns the slots to fill, the most urgent first.
func (f *Filler) incomplete() (slots []incomplete) {
	mine, view := f.cfg.Local.ByID(), f.cfg.Root.View()
	topo, err := view.Topology()
	if err != nil {
		return nil // the next map is whole again
	}
	for _, pg := range view.PGs() {
		policy := view.Policy(pg.Policy)
		if pg.Moving() == 0 || policy == nil {
			continue
		}
		left := placement.Redundancy(topo, *policy, pg)
		for slot, d := range pg.Holders {
			if mine[d] != nil && pg.PrevOf(slot) != 0 {
				slots = append(slots, incomplete{slotKey{pg.ID, slot}, pg, left})
			}
		}
	}
	slices.SortStableFunc(slots, func(a, b incomplete) int { return cmp.Compare(a.left, b.left) })
	return slots
}

func (f *Filler) begin(ctx context.Context, key slotKey, pg *placement.PG, d placement.DiskID) {
	f.mu.Lock()
	defer f.mu.Unlock()
	p, running := f.jobs[key], 0
	if p != nil && (p.running || time.Now().Before(p.retryAt)) {
		return
	}
	for _, other := range f.jobs {
		if other.running && other.Disk == d {
			running++
		}
	}
	if running >= perDisk {
		return
	}
	p = &Progress{PG: pg.ID, Slot: key.slot, Disk: d, Gen: pg.Gen, Started: time.Now(), running: true}
	f.jobs[key] = p
	f.done.Go(func() { f.job(ctx, p, pg) })
}

// job fills one slot and records how that ended.
func (f *Filler) job(ctx context.Context, p *Progress, pg *placement.PG) {
	err := f.fillSlot(ctx, p, pg)
	f.mu.Lock()
	p.running = false
	if err != nil {
		p.Waits, p.retryAt = err.Error(), time.Now().Add(retryAfter)
	}
	f.mu.Unlock()
	select {
	case f.ended <- struct{}{}:
	default: // it is going to look already
	}
	switch {
	case err == nil:
		f.cfg.Logger.Info("slot filled", "pg", pg.ID, "slot", p.Slot, "disk", p.Disk, "copied", p.Copied, "bytes", p.Bytes)
	case ctx.Err() == nil:
		f.cfg.Logger.Warn("slot not filled yet", "pg", pg.ID, "slot", p.Slot, "disk", p.Disk, "err", err)
	}
}

// pace waits until n more bytes may be brought in. What is urgent does not wait.
func (f *Filler) pace(ctx context.Context, n int, urgent bool) error {
	if urgent {
		return ctx.Err()
	}
	return f.limit.WaitN(ctx, min(n, store.MaxBlob))
}
