package raftgroup

import (
	"fmt"
	"log/slog"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/bloom"
	"github.com/cockroachdb/pebble/v2/vfs"

	"cairn/store"
)

// Sizes of a node's Pebble. Memory is taken as it is used, so an idle host
// stays far below them.
const (
	memTableSize = 8 << 20
	defaultCache = 16 << 20
)

// openDB opens the node's Pebble on fs. A new one is created, closed and opened
// again: the first log of a database does not yet carry the checks of the
// newest format, and a flipped bit in it would silently cut off what follows.
func openDB(dir string, fs vfs.FS, cache *pebble.Cache, log *slog.Logger) (*pebble.DB, error) {
	if cache == nil {
		cache = pebble.NewCache(defaultCache)
		defer cache.Unref()
	}
	if err := fs.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("create %s: %w", dir, err)
	}
	desc, err := pebble.Peek(dir, fs)
	if err != nil {
		return nil, fmt.Errorf("look into %s: %w", dir, err)
	}
	if !desc.Exists {
		db, err := pebble.Open(dir, dbOptions(fs, cache, log))
		if err != nil {
			return nil, fmt.Errorf("create the database in %s: %w", dir, err)
		}
		if err := db.Close(); err != nil {
			return nil, fmt.Errorf("close the new database in %s: %w", dir, err)
		}
	}
	db, err := pebble.Open(dir, dbOptions(fs, cache, log))
	if err != nil {
		return nil, openError(dir, err)
	}
	return db, nil
}

func openError(dir string, err error) error {
	e := &store.Error{Op: "open metadata", Kind: store.KindInternal, Resource: dir, Err: err}
	if pebble.IsCorruptionError(err) {
		e.Kind = store.KindCorrupt
		e.Hint = "this node's metadata is damaged: move the directory away and start the node again; it rejoins empty and is filled from the others"
	}
	return e
}

func dbOptions(fs vfs.FS, cache *pebble.Cache, log *slog.Logger) *pebble.Options {
	o := &pebble.Options{
		FS:                          fs,
		Cache:                       cache,
		FormatMajorVersion:          pebble.FormatNewest,
		MemTableSize:                memTableSize,
		MemTableStopWritesThreshold: 4,
		L0CompactionThreshold:       4,
		L0StopWritesThreshold:       24,
		MaxOpenFiles:                512,
		CompactionConcurrencyRange:  func() (int, int) { return 1, 2 },
		Logger:                      pebbleLog{log},
		EventListener: &pebble.EventListener{
			BackgroundError: func(err error) { log.Warn("metadata store", "err", err) },
			DataCorruption: func(info pebble.DataCorruptionInfo) {
				log.Error("metadata store: a table is damaged", "info", info.String())
			},
		},
	}
	// Pebble's default wakes up ten times a second to see whether more compactions
	// are allowed by now, which on an idle process of many stores is most of the
	// work. Without it they are granted when one is wanted or ends.
	o.Experimental.CompactionScheduler = pebble.NewConcurrencyLimitSchedulerWithNoPeriodicGrantingForTest()
	for i := range o.Levels {
		o.Levels[i].FilterPolicy = bloom.FilterPolicy(10)
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
