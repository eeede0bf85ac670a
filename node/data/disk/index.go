package disk

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"syscall"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/bloom"
	"github.com/cockroachdb/pebble/v2/vfs"

	"cairn/store"
)

// index is the Pebble database of a disk. Reads take no lock.
type index struct {
	db *pebble.DB

	// mu orders read-modify-write of rows together with the accounting in
	// segments. Commits under it do not wait for the log.
	mu sync.Mutex

	// broken is the first failure that Pebble cannot go on from.
	broken atomic.Pointer[error]
}

// openIndex opens or, with create, makes the database in dir.
func openIndex(fs vfs.FS, dir string, create bool) (*index, error) {
	x := &index{}
	cache := pebble.NewCache(16 << 20)
	defer cache.Unref()
	opts := &pebble.Options{
		FS:                 fs,
		Cache:              cache,
		FormatMajorVersion: pebble.FormatNewest,
		MemTableSize:       4 << 20,
		ErrorIfNotExists:   !create,
		ErrorIfExists:      create,
		Logger:             pebbleLogger{x},
	}
	opts.EventListener = &pebble.EventListener{DataCorruption: func(i pebble.DataCorruptionInfo) {
		x.fail(store.Errorf(store.KindCorrupt, "read index", "%w", i.Details))
	}}
	// Compactions are granted when one is wanted or ends; Pebble's default also
	// wakes up ten times a second to see whether one is allowed by now.
	opts.Experimental.CompactionScheduler = pebble.NewConcurrencyLimitSchedulerWithNoPeriodicGrantingForTest()
	for i := range opts.Levels {
		opts.Levels[i].FilterPolicy = bloom.FilterPolicy(10)
	}
	db, err := pebble.Open(dir, opts)
	if err != nil {
		return nil, openError(err)
	}
	x.db = db
	return x, nil
}

// openError tells a damaged database from one that cannot be opened now, which
// the operating system's errors stand for. A file that is missing is damage.
func openError(err error) error {
	kind := store.KindCorrupt
	var errno syscall.Errno
	if errors.As(err, &errno) && errno != syscall.ENOENT {
		kind = store.KindUnavailable
	}
	return store.Errorf(kind, "open index", "%w", err)
}

// createIndex makes an empty database. It is opened a second time because
// Pebble detects a damaged log at its newest format only from the second one on.
func createIndex(fs vfs.FS, dir string) error {
	x, err := openIndex(fs, dir, true)
	if err != nil {
		return err
	}
	if err := x.close(); err != nil {
		return err
	}
	if x, err = openIndex(fs, dir, false); err != nil {
		return err
	}
	return x.close()
}

func (x *index) close() error { return errors.Join(x.err(), x.db.Close()) }

// err returns the failure that broke the index, or nil.
func (x *index) err() error {
	if p := x.broken.Load(); p != nil {
		return *p
	}
	return nil
}

func (x *index) fail(err error) { x.broken.CompareAndSwap(nil, &err) }

// commit applies a batch. With sync it is durable on return; so is everything
// committed before.
func (x *index) commit(b *pebble.Batch, sync bool) error {
	opt := pebble.NoSync
	if sync {
		opt = pebble.Sync
	}
	if err := x.err(); err != nil {
		return err
	}
	if err := x.db.Apply(b, opt); err != nil {
		x.fail(err)
	}
	return x.err()
}

// flush makes everything committed so far durable.
func (x *index) flush() error {
	if err := x.err(); err != nil {
		return err
	}
	if err := x.db.LogData(nil, pebble.Sync); err != nil {
		x.fail(err)
	}
	return x.err()
}

// get calls f with the value of key and reports whether there is one.
func (x *index) get(key []byte, f func([]byte) error) (bool, error) {
	v, closer, err := x.db.Get(key)
	if errors.Is(err, pebble.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	return true, errors.Join(f(v), closer.Close())
}

func (x *index) shard(id ShardID) (row shardRow, ok bool, err error) {
	ok, err = x.get(shardKey(id), func(v []byte) (err error) {
		row, err = decodeShardRow(v)
		return err
	})
	return row, ok, err
}

// deleted reports whether the blob has a tombstone.
func (x *index) deleted(b store.BlobID) (bool, error) {
	return x.get(blobKey(rowTombstone, b), func(v []byte) error {
		_, err := decodeU32(v, "tombstone")
		return err
	})
}

// checkpoint returns the place before which every record is accounted for.
func (x *index) checkpoint() (p place, err error) {
	_, err = x.get([]byte{rowCheckpoint}, func(v []byte) (err error) {
		p, err = decodePlace(v)
		return err
	})
	return p, err
}

// scan calls f with every row in [lower, upper) until it returns false.
func (x *index) scan(lower, upper []byte, f func(key, value []byte) (more bool, err error)) error {
	it, err := x.db.NewIter(&pebble.IterOptions{LowerBound: lower, UpperBound: upper})
	if err != nil {
		return err
	}
	for ok := it.First(); ok; ok = it.Next() {
		more, err := f(it.Key(), it.Value())
		if err != nil {
			return errors.Join(err, it.Close())
		}
		if !more {
			break
		}
	}
	return it.Close()
}

// scanShards calls f with every shard in [lower, upper).
func (x *index) scanShards(lower, upper []byte, f func(ShardID, shardRow) (more bool, err error)) error {
	return x.scan(lower, upper, func(k, v []byte) (bool, error) {
		row, err := decodeShardRow(v)
		if err != nil || len(k) != shardKeySize {
			return false, errors.Join(err, store.Errorf(store.KindCorrupt, "read index", "shard row of key %x", k))
		}
		return f(shardOfKey(k), row)
	})
}

// pebbleLogger turns what Pebble considers fatal into a broken index: one bad
// disk must not end a process that serves others.
type pebbleLogger struct{ x *index }

func (pebbleLogger) Infof(string, ...any)  {}
func (pebbleLogger) Errorf(string, ...any) {}
func (l pebbleLogger) Fatalf(format string, args ...any) {
	err := fmt.Errorf(format, args...)
	for _, a := range args {
		if cause, ok := a.(error); ok {
			err = fmt.Errorf("pebble: %w", cause)
		}
	}
	l.x.fail(err)
}
