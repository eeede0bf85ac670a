package raftgroup

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/sstable"

	"cairn/store"
)

// Host runs all replicas of a node on one Pebble. Its methods may be called
// concurrently.
type Host struct {
	opts      Options
	log       *slog.Logger
	guard     *guardFS
	db        *pebble.DB
	tableOpts sstable.WriterOptions
	marks     *marks
	space     *space
	peers     *peers

	ctx      context.Context // ends when the host closes or is given up
	cancel   context.CancelFunc
	tasks    tasks          // goroutines that outlive a call
	givenUp  chan struct{}  // closed when the guard tripped
	serveEnd sync.WaitGroup // calls being served

	mu     sync.Mutex
	groups map[GroupID]*Group
	fatal  error // why the disk was given up
	closed bool
}

// errGivenUp is the outcome of writes on a host whose disk failed or that was
// killed: unknown, and of no importance, because such a host answers nobody.
var errGivenUp = errors.New("this node's metadata disk was given up")

// Open opens the node's metadata directory, creating it if needed, and serves
// calls of other nodes for the groups that [Host.Start] will start. Damage to
// the log of the database is an error of [store.KindCorrupt].
func Open(o Options) (*Host, error) {
	o.setDefaults()
	if err := o.validate(); err != nil {
		return nil, err
	}
	h := &Host{opts: o, log: o.Logger, groups: map[GroupID]*Group{}, givenUp: make(chan struct{})}
	h.ctx, h.cancel = context.WithCancel(context.Background())
	h.guard = newGuardFS(o.FS, h.giveUp)
	if err := h.openDisk(); err != nil {
		h.cancel()
		return nil, err
	}
	h.peers = newPeers(h)
	h.serve()
	h.tasks.run(h.tend)
	return h, nil
}

// openDisk opens everything that lies in the directory.
func (h *Host) openDisk() (err error) {
	if h.db, err = openDB(h.opts.Dir, h.guard, h.opts.Cache, h.log); err != nil {
		return err
	}
	defer func() {
		if err == nil && h.dead() {
			err = fmt.Errorf("open %s: %w", h.opts.Dir, h.deathCause())
		}
		if err != nil {
			h.db.Close()
		}
	}()
	o := dbOptions(h.guard, h.opts.Cache, h.log)
	o.EnsureDefaults()
	h.tableOpts = o.MakeWriterOptions(0, h.db.TableFormat())
	if err := h.guard.MkdirAll(h.guard.PathJoin(h.opts.Dir, installDir), 0o755); err != nil {
		return fmt.Errorf("create %s: %w", installDir, err)
	}
	h.space = newSpace(h.opts)
	h.marks, err = openMarks(h.guard, h.opts.Dir)
	return err
}

// commit applies b. When it returns nil with pebble.Sync, b and all that was
// committed before it are durable.
func (h *Host) commit(b *pebble.Batch, wo *pebble.WriteOptions) error {
	if h.dead() {
		return errGivenUp
	}
	if err := b.Commit(wo); err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	// The guard lets Pebble believe in a failed write, but trips first.
	if h.dead() {
		return errGivenUp
	}
	return nil
}

// dead reports whether nothing may be acknowledged any more.
func (h *Host) dead() bool { return h.guard.tripped.Load() }

func (h *Host) deathCause() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.fatal != nil {
		return h.fatal
	}
	return errGivenUp
}

// giveUp runs when the guard trips. It must not block: it is called from inside
// a write.
func (h *Host) giveUp(cause error) {
	close(h.givenUp)
	h.cancel()
	if cause == nil {
		return
	}
	go func() {
		h.mu.Lock()
		h.fatal = cause
		h.mu.Unlock()
		h.log.Error("the metadata disk failed; this node stops taking part until it is restarted", "err", cause)
		h.opts.OnFatal(cause)
	}()
}

// Group returns a started group, or nil.
func (h *Host) Group(id GroupID) *Group {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.groups[id]
}

// Stored lists the groups that have state on this node's disk, started or not.
func (h *Host) Stored() ([]GroupID, error) {
	it, err := h.db.NewIter(&pebble.IterOptions{LowerBound: raftKey(0, ""), UpperBound: logKey(0, 0)})
	if err != nil {
		return nil, fmt.Errorf("list groups: %w", err)
	}
	defer it.Close()
	var out []GroupID
	for ok := it.First(); ok; {
		d := decoder{b: it.Key()[4:]}
		id := GroupID(d.u32())
		out = append(out, id)
		ok = it.SeekGE(raftKey(id+1, ""))
	}
	return out, it.Error()
}

// Destroy stops the replica of a group, if it runs, and deletes all that this
// node stores of the group. Only a replica that was removed from the group's
// configuration may be destroyed.
func (h *Host) Destroy(id GroupID) error {
	if g := h.Group(id); g != nil {
		if err := g.Close(); err != nil {
			return err
		}
	}
	b := h.db.NewBatch()
	defer b.Close()
	rowsLo, rowsHi := groupBounds(id)
	raftLo, raftHi := raftBounds(id)
	for _, r := range [][2][]byte{{rowsLo, rowsHi}, {raftLo, raftHi}, {logKey(id, 0), logEnd(id)}} {
		if err := b.DeleteRange(r[0], r[1], nil); err != nil {
			return fmt.Errorf("destroy group %d: %w", id, err)
		}
	}
	if err := h.commit(b, logSync); err != nil {
		return fmt.Errorf("destroy group %d: %w", id, err)
	}
	h.marks.update(id, func(m *mark) { *m = mark{} })
	return nil
}

// Close stops all groups and flushes. The fabric should be closed after it.
func (h *Host) Close() error {
	if err := h.stop(); err != nil {
		return err
	}
	err := h.marks.close()
	close(h.guard.closing)
	if derr := h.db.Close(); err == nil {
		err = derr
	}
	if err != nil {
		return fmt.Errorf("close metadata: %w", err)
	}
	return nil
}

// Kill ends the host as kill -9 ends a process: from this moment nothing more
// reaches the disk or other nodes, not even what is buffered. The directory can
// be opened again when it returns.
func (h *Host) Kill() {
	h.guard.trip(nil)
	_ = h.Close() // a killed process reports nothing
}

// stop ends everything that could use the Pebble.
func (h *Host) stop() error {
	h.mu.Lock()
	if h.closed {
		h.mu.Unlock()
		return store.Errorf(store.KindInvalid, "close metadata", "closed twice")
	}
	h.closed = true
	var running []*Group
	for _, g := range h.groups {
		running = append(running, g)
	}
	h.mu.Unlock()
	var stops sync.WaitGroup
	for _, g := range running {
		stops.Go(func() { g.stop() })
	}
	stops.Wait()
	h.cancel()
	h.serveEnd.Wait()
	h.tasks.close()
	return nil
}
