package raftgroup

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/sstable"

	"cairn/node/raftlog"
	"cairn/store"
)

// Host runs all replicas of a node on one Raft log and one Pebble. Its methods
// may be called concurrently.
type Host struct {
	opts      Options
	log       *slog.Logger
	guard     *guardFS
	rlog      *raftlog.Log
	db        *pebble.DB
	tableOpts sstable.WriterOptions
	appended  atomic.Int64 // bytes of entries stored in the log
	flushedAt atomic.Int64 // appended when the newest flush of the rows began
	failed    failures
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
// the log is an error of [store.KindCorrupt].
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
	if h.db, err = openDB(h.opts.Dir, h.dbOptions()); err != nil {
		return err
	}
	defer func() {
		if err == nil && h.dead() {
			err = fmt.Errorf("open %s: %w", h.opts.Dir, h.deathCause())
		}
		if err != nil {
			h.closeDisk()
		}
	}()
	o := h.dbOptions()
	o.EnsureDefaults()
	h.tableOpts = o.MakeWriterOptions(0, h.db.TableFormat())
	if h.rlog, err = h.openLog(); err != nil {
		return openError(h.opts.Dir, err)
	}
	if err := h.guard.MkdirAll(h.guard.PathJoin(h.opts.Dir, installDir), 0o755); err != nil {
		return fmt.Errorf("create %s: %w", installDir, err)
	}
	h.space = newSpace(h.opts)
	if h.marks, err = openMarks(h.guard, h.opts.Dir); err != nil {
		return err
	}
	return h.resumeDestroy()
}

// logDir is where the Raft log lies, in the host's directory.
const logDir = "raftlog"

func (h *Host) openLog() (*raftlog.Log, error) {
	return raftlog.Open(h.guard.PathJoin(h.opts.Dir, logDir), raftlog.Options{
		FS: h.guard, SegmentBytes: h.opts.segmentBytes,
		OnDamage: func(err error) { h.log.Error("the raft log is damaged", "err", err) },
	})
}

// closeDisk closes what openDisk opened.
func (h *Host) closeDisk() error {
	var errs []error
	if h.marks != nil {
		errs = append(errs, h.marks.close())
	}
	if h.rlog != nil {
		errs = append(errs, h.rlog.Close())
	}
	close(h.guard.closing)
	return errors.Join(append(errs, h.db.Close())...)
}

// logged waits for a write of the Raft log. Nil means that it is durable. After
// an error the host is given up.
func (h *Host) logged(w *raftlog.Write) error {
	if err := w.Wait(); err != nil {
		h.guard.trip(err)
	}
	// The guard lets the log believe in a failed write, but trips first.
	if h.dead() {
		return errGivenUp
	}
	return nil
}

// commit applies b to the rows. It is durable when a flush that began later has
// ended.
func (h *Host) commit(b *pebble.Batch) error {
	if h.dead() {
		return errGivenUp
	}
	if err := b.Commit(pebble.NoSync); err != nil {
		return fmt.Errorf("commit: %w", err)
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
func (h *Host) Stored() []GroupID {
	var out []GroupID
	for _, id := range h.rlog.Groups() {
		out = append(out, GroupID(id))
	}
	return out
}

// Close stops all groups and flushes. The fabric should be closed after it.
func (h *Host) Close() error {
	if err := h.stop(); err != nil {
		return err
	}
	h.flushAtEnd()
	if err := h.closeDisk(); err != nil {
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
