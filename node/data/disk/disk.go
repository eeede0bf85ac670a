package disk

import (
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"cairn/placement"
	"cairn/store"
)

// Options tune a disk. The zero value is right for a disk of its own.
type Options struct {
	// Capacity bounds the bytes used; 0 means those of the filesystem.
	Capacity int64
	// SegmentBytes is where a segment is closed; 0 means 1/64 of the capacity,
	// at least 16 MiB and at most 1 GiB.
	SegmentBytes int64
	// VerifyOneIn reads one in so many records back from the device before it
	// is acknowledged; 0 means none.
	VerifyOneIn int
	// Now gives the time of tombstones; nil means time.Now.
	Now func() time.Time
}

// volume is where a disk lives.
type volume struct {
	fs       FS
	index    vfs.FS
	indexDir string
}

func osVolume(dir string) volume {
	return volume{fs: osFS{dir}, index: vfs.Default, indexDir: filepath.Join(dir, "index")}
}

// Disk is an open disk. Its methods may be called from any goroutine.
type Disk struct {
	vol   volume
	opts  Options
	salt  salt
	lock  interface{ Close() error }
	index *index
	segs  *segments
	count counters

	super struct {
		sync.Mutex // held while the superblock is written
		superblock
	}

	fences fences

	queue  chan *write
	writer sync.WaitGroup

	ops struct {
		sync.Mutex
		closed  bool
		running sync.WaitGroup
	}

	recovered bool // it had not been closed in order
	rebuilt   bool // its index was damaged and made anew

	// failed is why the disk takes no writes any more. It is set once.
	failed atomic.Pointer[error]
}

// Format makes dir, created if missing, an empty disk. A directory that holds
// segments or a superblock is refused with [store.KindExists].
func Format(dir string, id Identity) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	return formatVolume(osVolume(dir), id)
}

func formatVolume(v volume, id Identity) error {
	names, err := v.fs.List()
	if err != nil {
		return err
	}
	for _, name := range names {
		if _, seg := parseSegmentName(name); seg || name == superblockName {
			return &store.Error{Op: "format disk", Kind: store.KindExists, Resource: name,
				Hint: "the directory already holds a disk; empty it to lose what it stores"}
		}
	}
	// What is left of a format that a crash cut short.
	if err := v.index.RemoveAll(v.indexDir); err != nil {
		return err
	}
	if err := createIndex(v.index, v.indexDir); err != nil {
		return err
	}
	return writeSuperblock(v.fs, &superblock{Identity: id, flags: flagClean})
}

// Open opens the disk in dir and recovers it after a crash. It refuses a
// directory without a superblock ([store.KindNotFound]), a newer format
// ([store.KindUnknownFormat]), one that another process holds
// ([store.KindConflict]), and a disk that has failed ([store.KindCorrupt]).
func Open(dir string, opts Options) (*Disk, error) { return openVolume(osVolume(dir), opts) }

func openVolume(v volume, opts Options) (*Disk, error) {
	if opts.Now == nil {
		opts.Now = time.Now
	}
	// Without a superblock there is nothing to lock: a lock file would be
	// litter on a mount point whose disk is away.
	if _, err := readSuperblock(v.fs); err != nil {
		return nil, err
	}
	lock, err := v.fs.Lock("lock")
	if err != nil {
		return nil, &store.Error{Op: "open disk", Kind: store.KindConflict, Err: err, Hint: "stop the other process first"}
	}
	d := &Disk{vol: v, opts: opts, lock: lock, segs: newSegments(v.fs), queue: make(chan *write, maxGroupWrites)}
	if err := d.start(); err != nil {
		d.segs.closeAll()
		if d.index != nil {
			err = errors.Join(err, d.index.close())
		}
		return nil, errors.Join(err, lock.Close())
	}
	return d, nil
}

// start reads what is on disk, recovers, and starts the writer.
func (d *Disk) start() error {
	super, err := readSuperblock(d.vol.fs)
	if err != nil {
		return err
	}
	if super.flags&flagFailed != 0 {
		return &store.Error{Op: "open disk", Kind: store.KindCorrupt, Reason: "disk-failed",
			Hint: "an fsync failed, so it may have lost writes; replace it, or empty it and format it as a new disk"}
	}
	d.recovered = super.flags&flagClean == 0
	d.super.superblock = *super
	d.super.flags &^= flagClean
	if err := writeSuperblock(d.vol.fs, &d.super.superblock); err != nil {
		return err
	}
	d.salt = newSalt(super.UUID)
	if err := d.setSizes(); err != nil {
		return err
	}
	if err := d.segs.load(super.UUID); err != nil {
		return err
	}
	if err := d.openIndex(); err != nil {
		return err
	}
	w, err := newWriter(d)
	if err != nil {
		return err
	}
	d.writer.Go(w.loop)
	return nil
}

// setSizes fills in the defaults that depend on the filesystem.
func (d *Disk) setSizes() error {
	total, _, err := d.vol.fs.Space()
	if err != nil {
		return err
	}
	if d.opts.Capacity > 0 {
		total = d.opts.Capacity
	}
	if d.opts.SegmentBytes == 0 {
		d.opts.SegmentBytes = min(max(total/64, 16<<20), 1<<30)
	}
	return nil
}

// begin counts a call in, so that Close waits for it; end counts it out.
func (d *Disk) begin() error {
	d.ops.Lock()
	defer d.ops.Unlock()
	if d.ops.closed {
		return &store.Error{Op: "use disk", Kind: store.KindUnavailable, Reason: "closed"}
	}
	d.ops.running.Add(1)
	return nil
}

func (d *Disk) end() { d.ops.running.Done() }

// Close waits for running calls and closes the disk. After it the next Open has
// nothing to recover.
func (d *Disk) Close() error { return d.stop(true) }

// Abandon closes the disk as if its process had been killed: nothing is flushed
// and the next Open recovers. Calls that are running are answered first.
func (d *Disk) Abandon() error { return d.stop(false) }

// stop ends the disk's goroutines and gives its files and its lock back.
func (d *Disk) stop(clean bool) error {
	d.ops.Lock()
	if d.ops.closed {
		d.ops.Unlock()
		return nil
	}
	d.ops.closed = true
	d.ops.Unlock()
	d.ops.running.Wait()
	close(d.queue)
	d.writer.Wait()

	var err error
	if clean {
		err = d.index.flush()
	}
	err = errors.Join(err, d.index.close())
	d.segs.closeAll()
	if clean && err == nil && d.Failed() == nil {
		d.super.flags |= flagClean
		err = writeSuperblock(d.vol.fs, &d.super.superblock)
	}
	return errors.Join(err, d.lock.Close())
}

// Identity returns who the disk is.
func (d *Disk) Identity() Identity {
	d.super.Lock()
	defer d.super.Unlock()
	return d.super.Identity
}

// Adopt gives a disk without a number the one that the cluster chose for it. It
// is durable on return. A number is never changed: [store.KindConflict].
func (d *Disk) Adopt(cluster [16]byte, id placement.DiskID) error {
	if err := d.begin(); err != nil {
		return err
	}
	defer d.end()
	d.super.Lock()
	defer d.super.Unlock()
	if d.super.Disk == id && d.super.Cluster == cluster {
		return nil
	}
	if d.super.Disk != 0 {
		return store.Errorf(store.KindConflict, "adopt disk", "it is disk %d already", d.super.Disk)
	}
	next := d.super.superblock
	next.Cluster, next.Disk = cluster, id
	if err := writeSuperblock(d.vol.fs, &next); err != nil {
		return err
	}
	d.super.superblock = next
	return nil
}

// Failed returns why the disk takes no writes any more, or nil.
func (d *Disk) Failed() error {
	if p := d.failed.Load(); p != nil {
		return *p
	}
	return nil
}

// fail stops all writing and returns the error that callers get. The mark that
// keeps the disk from being opened again is an attempt: the device may refuse it
// as well. A full filesystem, which only the index can run into this way, loses
// nothing that was synced, and a damaged index is made anew when the disk is
// opened, so they leave no mark.
func (d *Disk) fail(cause error) error {
	var err error = &store.Error{Op: "write to disk", Kind: store.KindUnavailable, Reason: "disk-failed", Err: cause,
		Hint: "replace the disk; reads go on meanwhile"}
	if !d.failed.CompareAndSwap(nil, &err) {
		return d.Failed()
	}
	if full(cause) || damaged(cause) {
		return err
	}
	d.super.Lock()
	defer d.super.Unlock()
	d.super.flags |= flagFailed
	_ = writeSuperblock(d.vol.fs, &d.super.superblock)
	return err
}

// sampled reports whether this record is one of those to be read back.
func (d *Disk) sampled() bool { return d.opts.VerifyOneIn > 0 && rand.IntN(d.opts.VerifyOneIn) == 0 }
