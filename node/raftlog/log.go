package raftlog

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"sync"

	"github.com/cockroachdb/pebble/v2/vfs"

	"cairn/store"
)

// Options configure a [Log]. Zero values take the defaults given.
type Options struct {
	// FS is the file system. Default: the operating system's.
	FS vfs.FS

	// SegmentBytes is the size of a file, whole blocks of 4 KiB. A directory is
	// opened with the size it was made with, or a larger one. Default: 16 MiB.
	SegmentBytes int64

	// Keep is the number of files in use below which nothing is moved to free
	// one. Default: 8.
	Keep int

	// OnDamage is told when an entry that was to be moved is damaged. It stays
	// where it is, and so do the files behind it. It must not block.
	OnDamage func(error)
}

func (o *Options) setDefaults() {
	if o.FS == nil {
		o.FS = vfs.Default
	}
	if o.SegmentBytes == 0 {
		o.SegmentBytes = 16 << 20
	}
	if o.Keep == 0 {
		o.Keep = 8
	}
	if o.OnDamage == nil {
		o.OnDamage = func(error) {}
	}
}

// Log is the log of all groups of a node. Its methods may be called
// concurrently; the changes of one group take effect in the order of the calls.
type Log struct {
	o   Options
	dir string

	// Owned by Open, then by the writer.
	off         int64  // where the next frame goes in the newest segment
	nextFrame   uint64 // its number
	nextSeq     uint64 // of the next segment
	nextNum     int    // of the next file
	durableHead uint64 // the oldest segment in use, as the newest header says
	rotated     bool   // since space was reclaimed last

	ended chan struct{} // closed by the writer

	mu     sync.Mutex
	wake   *sync.Cond
	queue  []*frame // to be written, in order
	wanted bool     // somebody waits for the queue
	closed bool
	failed error // why nothing is written any more
	groups map[uint32]*group
	segs   []*segment // in use, oldest first; the last is written to
	free   []*segment // of an earlier life, or of none
	spare  [][]byte   // buffers of frames
	stats  Stats
}

// Stats count what was written since the log was opened, and the space it takes
// now.
type Stats struct {
	Syncs   uint64 // of files
	Written uint64 // bytes
	Size    int64  // of the files in use, bytes
	Live    int64  // of the entries and values in them, bytes
}

// ErrNotFound is returned for an entry that the log does not hold.
var ErrNotFound = errors.New("no such entry in the raft log")

var errClosed = store.Errorf(store.KindUnavailable, "write raft log", "it is closed")

// Append adds entries with consecutive indexes to a group's log. Those that the
// log has from the first one's index on go; with reset, all go. Without reset
// the first must not leave a gap. The data may be reused after the call.
func (l *Log) Append(id uint32, reset bool, entries []Entry) *Write {
	if err := l.checkAppend(entries); err != nil {
		return refused(err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return refused(errClosed)
	}
	g := l.groupLocked(id)
	kind := kindEntry
	if reset {
		kind = kindFirst
	} else if g.tail != 0 && entries[0].Index > g.tail+1 {
		return refused(store.Errorf(store.KindInternal, "write raft log", "group %d: entry %d behind entry %d",
			id, entries[0].Index, g.tail))
	}
	var f *frame
	for i := range entries {
		f = l.frameLocked(entryHead + len(entries[i].Data))
		f.buf = appendEntry(f.buf, kind, id, &entries[i])
		kind = kindEntry
	}
	g.tail = entries[len(entries)-1].Index
	return l.wantLocked(f)
}

func (l *Log) checkAppend(entries []Entry) error {
	if len(entries) == 0 {
		return store.Errorf(store.KindInternal, "write raft log", "no entries")
	}
	for i := range entries {
		e := &entries[i]
		if e.Index != entries[0].Index+uint64(i) || e.Index == 0 {
			return store.Errorf(store.KindInternal, "write raft log", "entry %d after entry %d", e.Index, entries[0].Index)
		}
		if int64(len(e.Data)) > l.o.SegmentBytes/2 {
			return store.Errorf(store.KindTooLarge, "write raft log", "an entry of %d bytes; the limit is %d", len(e.Data), l.o.SegmentBytes/2)
		}
	}
	return nil
}

// Set gives a name of a group a value, of at most 64 KiB; an empty value takes
// the name away. [Log.Value] shows it once it is durable.
func (l *Log) Set(id uint32, name string, value []byte) *Write { return l.set(id, name, value, true) }

// SetLazily is Set, but the value is written together with whatever is written
// next, the log being closed at the latest.
func (l *Log) SetLazily(id uint32, name string, value []byte) { l.set(id, name, value, false) }

func (l *Log) set(id uint32, name string, value []byte, soon bool) *Write {
	if len(name) > maxName || len(value) > maxValue {
		return refused(store.Errorf(store.KindTooLarge, "write raft log", "value %q of %d bytes", name, len(value)))
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return refused(errClosed)
	}
	f := l.frameLocked(recordHead + 1 + len(name) + 4 + len(value))
	f.buf = appendValue(f.buf, id, name, value)
	if soon {
		return l.wantLocked(f)
	}
	return &f.Write
}

// Cut drops a group's entries below index.
func (l *Log) Cut(id uint32, index uint64) *Write {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return refused(errClosed)
	}
	f := l.frameLocked(recordHead + 8)
	f.buf = appendCut(f.buf, id, index)
	return l.wantLocked(f)
}

// Drop drops a group's entries and values.
func (l *Log) Drop(id uint32) *Write {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return refused(errClosed)
	}
	f := l.frameLocked(recordHead)
	f.buf = appendHead(f.buf, kindDrop, id)
	if g := l.groups[id]; g != nil {
		g.tail = 0
	}
	return l.wantLocked(f)
}

// Bounds returns the first and last index of a group's durable entries, or
// zeroes if there are none.
func (l *Log) Bounds(id uint32) (first, last uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if g := l.groups[id]; g != nil && len(g.at) > 0 {
		return g.first, g.end() - 1
	}
	return 0, 0
}

// Entry reads a durable entry. One that is damaged is an error of
// [store.KindCorrupt].
func (l *Log) Entry(id uint32, index uint64) (Entry, error) {
	l.mu.Lock()
	g := l.groups[id]
	if g == nil || index < g.first || index >= g.end() {
		l.mu.Unlock()
		return Entry{}, ErrNotFound
	}
	p := g.at[index-g.first]
	p.seg.readers++
	l.mu.Unlock()
	defer func() {
		l.mu.Lock()
		p.seg.readers--
		l.mu.Unlock()
	}()
	return readEntry(p, id, index)
}

// Value returns a group's durable value of a name, or nil. It must not be
// changed.
func (l *Log) Value(id uint32, name string) []byte {
	l.mu.Lock()
	defer l.mu.Unlock()
	if g := l.groups[id]; g != nil {
		return g.values[name].value
	}
	return nil
}

// Groups lists the groups that have entries or values, in order.
func (l *Log) Groups() []uint32 {
	l.mu.Lock()
	defer l.mu.Unlock()
	var out []uint32
	for _, id := range slices.Sorted(maps.Keys(l.groups)) {
		if g := l.groups[id]; len(g.at) > 0 || len(g.values) > 0 {
			out = append(out, id)
		}
	}
	return out
}

// Stats describes the log.
func (l *Log) Stats() Stats {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := l.stats
	s.Size = int64(len(l.segs)) * l.o.SegmentBytes
	s.Live = l.liveLocked()
	return s
}

func (l *Log) liveLocked() (n int64) {
	for _, s := range l.segs {
		n += s.live
	}
	return n
}

// Close writes what waits and closes the files.
func (l *Log) Close() error {
	l.mu.Lock()
	if l.closed {
		l.mu.Unlock()
		return store.Errorf(store.KindInvalid, "close raft log", "closed twice")
	}
	l.closed = true
	l.wake.Broadcast()
	l.mu.Unlock()
	<-l.ended
	return errors.Join(l.failed, l.closeFiles())
}

func (l *Log) closeFiles() error {
	var errs []error
	for _, s := range append(l.segs, l.free...) {
		if err := s.f.Close(); err != nil {
			errs = append(errs, fmt.Errorf("close raft log: %w", err))
		}
	}
	return errors.Join(errs...)
}

// readEntry reads the record at p and checks that it is the entry.
func readEntry(p position, id uint32, index uint64) (Entry, error) {
	b, err := readRecord(p)
	if err != nil {
		return Entry{}, err
	}
	r, n, err := decodeRecord(b)
	if err == nil && (r.kind > kindMoved || r.group != id || r.entry.Index != index || n != len(b) || r.crc != entrySum(b)) {
		err = malformed("group %d: entry %d is damaged in %s at %d", id, index, fileName(p.seg.num), p.off)
	}
	return r.entry, err
}

func readRecord(p position) ([]byte, error) {
	b := make([]byte, p.size)
	if _, err := p.seg.f.ReadAt(b, int64(p.off)); err != nil && err != io.EOF {
		return nil, fmt.Errorf("read raft log %s: %w", fileName(p.seg.num), err)
	}
	return b, nil
}
