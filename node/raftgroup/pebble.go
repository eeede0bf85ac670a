package raftgroup

import (
	"fmt"
	"log/slog"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/bloom"

	"cairn/store"
)

// Sizes of a node's Pebble. Memory is taken as it is used, so an idle host
// stays far below them. What may wait to be flushed, maxMemTables together, fits
// into the default of [Options.MinFree]. Blocks of Pebble's usual size would have
// room for a single row with a body in it.
const (
	memTableSize = 16 << 20
	maxMemTables = 3
	blockSize    = 16 << 10
	defaultCache = 16 << 20
)

// openDB opens the node's rows. They need no log of their own: what a crash takes
// of them is in the Raft log.
func openDB(dir string, o *pebble.Options) (*pebble.DB, error) {
	if err := o.FS.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("create %s: %w", dir, err)
	}
	db, err := pebble.Open(dir, o)
	if err != nil {
		return nil, openError(dir, err)
	}
	return db, nil
}

func openError(dir string, err error) error {
	e := &store.Error{Op: "open metadata", Kind: store.KindInternal, Resource: dir, Err: err}
	if kind := store.KindOf(err); kind == store.KindUnknownFormat {
		e.Kind = kind
	} else if pebble.IsCorruptionError(err) || kind == store.KindCorrupt {
		e.Kind = store.KindCorrupt
		e.Hint = damagedHint
	}
	return e
}

// damagedHint tells what to do about damage on disk.
const damagedHint = "this node's metadata is damaged: move the directory away and start the node again; it rejoins empty and is filled from the others"

func (h *Host) dbOptions() *pebble.Options {
	o := &pebble.Options{
		FS:                          h.guard,
		Cache:                       h.opts.Cache,
		CacheSize:                   defaultCache,
		DisableWAL:                  true,
		FormatMajorVersion:          pebble.FormatNewest,
		MemTableSize:                memTableSize,
		MemTableStopWritesThreshold: maxMemTables,
		L0CompactionThreshold:       4,
		L0StopWritesThreshold:       24,
		MaxOpenFiles:                512,
		CompactionConcurrencyRange:  func() (int, int) { return 1, 2 },
		Logger:                      pebbleLog{h.log},
		EventListener: &pebble.EventListener{
			BackgroundError: func(err error) {
				h.log.Warn("metadata store", "err", err)
				h.failed.tell(err)
			},
			DataCorruption: func(info pebble.DataCorruptionInfo) {
				h.log.Error("metadata store: a table is damaged", "info", info.String())
			},
			FlushBegin: func(pebble.FlushInfo) { h.flushedAt.Store(h.appended.Load()) },
		},
	}
	// A table that came in as if it were a memtable would be lost with the memtables.
	o.Experimental.DisableIngestAsFlushable = func() bool { return true }
	// Pebble's default wakes up ten times a second to see whether more compactions
	// are allowed by now, which on an idle process of many stores is most of the
	// work. Without it they are granted when one is wanted or ends.
	o.Experimental.CompactionScheduler = pebble.NewConcurrencyLimitSchedulerWithNoPeriodicGrantingForTest()
	for i := range o.Levels {
		o.Levels[i].FilterPolicy = bloom.FilterPolicy(10)
		o.Levels[i].BlockSize = blockSize
	}
	return o
}

// pebbleLog passes Pebble's errors on. Its chatter is dropped.
type pebbleLog struct{ log *slog.Logger }

// Infof implements pebble.Logger.
func (l pebbleLog) Infof(string, ...any) {}

// Errorf implements pebble.Logger.
func (l pebbleLog) Errorf(format string, args ...any) {
	l.log.Warn("metadata store", "err", fmt.Sprintf(format, args...))
}

// Fatalf implements pebble.Logger. The guard keeps every known way here shut;
// what is left is a bug in the store, after which no state can be trusted.
func (l pebbleLog) Fatalf(format string, args ...any) {
	panic(fmt.Sprintf("metadata store: "+format, args...))
}
