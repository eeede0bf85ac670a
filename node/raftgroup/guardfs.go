package raftgroup

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// guardFS stands between the host and the file system. It is open until the
// first failed write or sync of a file whose loss cannot be undone (anything
// but a table), or until trip is called. From then on nothing reaches the disk
// any more: writes and syncs succeed without effect.
//
// Pebble has no way to go on, or even to close, after an error of its log, and
// a failed fsync must never be retried. So the guard tells the host first, who
// stops acknowledging, and only then lets Pebble believe that all is well until
// it is closed. The same mechanism is the simulated kill -9.
type guardFS struct {
	vfs.FS
	tripped atomic.Bool
	once    sync.Once
	onTrip  func(cause error)
	closing chan struct{} // closed before the Pebble is closed
}

func newGuardFS(fs vfs.FS, onTrip func(error)) *guardFS {
	return &guardFS{FS: fs, onTrip: onTrip, closing: make(chan struct{})}
}

// tablePause is how long a table that cannot be written holds up Pebble, which
// tries again at once.
const tablePause = 200 * time.Millisecond

func (g *guardFS) pause() {
	t := time.NewTimer(tablePause)
	defer t.Stop()
	select {
	case <-t.C:
	case <-g.closing:
	}
}

// trip closes the guard. The cause is nil for a kill.
func (g *guardFS) trip(cause error) {
	g.once.Do(func() {
		g.tripped.Store(true)
		g.onTrip(cause)
	})
}

var errTripped = errors.New("the disk was given up")

// isTable reports whether the loss of a file's write is harmless: Pebble writes
// a table again if it could not be completed.
func isTable(name string) bool { return filepath.Ext(name) == ".sst" }

// file guards f, which Create or the like returned for name.
func (g *guardFS) file(name string, f vfs.File, err error) (vfs.File, error) {
	if err == nil {
		return &guardFile{File: f, g: g, name: name, table: isTable(name)}, nil
	}
	if isTable(name) {
		g.pause()
		return nil, err
	}
	g.trip(fmt.Errorf("create %s: %w", name, err))
	return voidFile{}, nil
}

// Create implements vfs.FS.
func (g *guardFS) Create(name string, c vfs.DiskWriteCategory) (vfs.File, error) {
	if g.tripped.Load() {
		return g.void(name)
	}
	f, err := g.FS.Create(name, c)
	return g.file(name, f, err)
}

// ReuseForWrite implements vfs.FS.
func (g *guardFS) ReuseForWrite(old, name string, c vfs.DiskWriteCategory) (vfs.File, error) {
	if g.tripped.Load() {
		return g.void(name)
	}
	f, err := g.FS.ReuseForWrite(old, name, c)
	return g.file(name, f, err)
}

// OpenReadWrite implements vfs.FS.
func (g *guardFS) OpenReadWrite(name string, c vfs.DiskWriteCategory, opts ...vfs.OpenOption) (vfs.File, error) {
	if g.tripped.Load() {
		return g.void(name)
	}
	f, err := g.FS.OpenReadWrite(name, c, opts...)
	return g.file(name, f, err)
}

func (g *guardFS) void(name string) (vfs.File, error) {
	if isTable(name) {
		g.pause()
		return nil, errTripped
	}
	return voidFile{}, nil
}

// OpenDir implements vfs.FS: directories are synced too.
func (g *guardFS) OpenDir(name string) (vfs.File, error) {
	f, err := g.FS.OpenDir(name)
	if err != nil {
		return nil, err
	}
	return &guardFile{File: f, g: g, name: name}, nil
}

// change runs a change of a directory.
func (g *guardFS) change(fn func() error) error {
	if g.tripped.Load() {
		return nil
	}
	return fn()
}

// Remove implements vfs.FS.
func (g *guardFS) Remove(name string) error {
	return g.change(func() error { return g.FS.Remove(name) })
}

// RemoveAll implements vfs.FS.
func (g *guardFS) RemoveAll(name string) error {
	return g.change(func() error { return g.FS.RemoveAll(name) })
}

// Rename implements vfs.FS.
func (g *guardFS) Rename(old, name string) error {
	return g.change(func() error { return g.FS.Rename(old, name) })
}

// Link implements vfs.FS.
func (g *guardFS) Link(old, name string) error {
	return g.change(func() error { return g.FS.Link(old, name) })
}

// MkdirAll implements vfs.FS.
func (g *guardFS) MkdirAll(dir string, perm os.FileMode) error {
	return g.change(func() error { return g.FS.MkdirAll(dir, perm) })
}

// Unwrap implements vfs.FS.
func (g *guardFS) Unwrap() vfs.FS { return g.FS }

// guardFile guards one file.
type guardFile struct {
	vfs.File
	g     *guardFS
	name  string
	table bool
}

// judge decides what the caller sees of a write or sync that ended with err.
func (f *guardFile) judge(op string, err error) error {
	if err == nil {
		return nil
	}
	if f.table {
		f.g.pause()
		return err
	}
	f.g.trip(fmt.Errorf("%s %s: %w", op, f.name, err))
	return nil
}

// Write implements vfs.File.
func (f *guardFile) Write(p []byte) (int, error) {
	if f.g.tripped.Load() {
		return len(p), nil
	}
	n, err := f.File.Write(p)
	if err = f.judge("write", err); err == nil {
		n = len(p)
	}
	return n, err
}

// WriteAt implements vfs.File.
func (f *guardFile) WriteAt(p []byte, off int64) (int, error) {
	if f.g.tripped.Load() {
		return len(p), nil
	}
	n, err := f.File.WriteAt(p, off)
	if err = f.judge("write", err); err == nil {
		n = len(p)
	}
	return n, err
}

// Sync implements vfs.File.
func (f *guardFile) Sync() error {
	if f.g.tripped.Load() {
		return nil
	}
	return f.judge("sync", f.File.Sync())
}

// SyncData implements vfs.File.
func (f *guardFile) SyncData() error {
	if f.g.tripped.Load() {
		return nil
	}
	return f.judge("sync", f.File.SyncData())
}

// SyncTo implements vfs.File.
func (f *guardFile) SyncTo(n int64) (bool, error) {
	if f.g.tripped.Load() {
		return true, nil
	}
	full, err := f.File.SyncTo(n)
	return full, f.judge("sync", err)
}

// Preallocate implements vfs.File. Failing to is no loss.
func (f *guardFile) Preallocate(off, n int64) error {
	if !f.g.tripped.Load() {
		_ = f.File.Preallocate(off, n)
	}
	return nil
}

// voidFile is what a tripped guard creates: it takes everything and keeps
// nothing.
type voidFile struct{ vfs.File }

func (voidFile) Write(p []byte) (int, error)            { return len(p), nil }
func (voidFile) WriteAt(p []byte, _ int64) (int, error) { return len(p), nil }
func (voidFile) Sync() error                            { return nil }
func (voidFile) SyncData() error                        { return nil }
func (voidFile) SyncTo(int64) (bool, error)             { return true, nil }
func (voidFile) Preallocate(int64, int64) error         { return nil }
func (voidFile) Close() error                           { return nil }
func (voidFile) Fd() uintptr                            { return vfs.InvalidFd }
func (voidFile) Read([]byte) (int, error)               { return 0, errTripped }
func (voidFile) ReadAt([]byte, int64) (int, error)      { return 0, errTripped }
func (voidFile) Stat() (vfs.FileInfo, error)            { return nil, errTripped }
func (voidFile) Prefetch(int64, int64) error            { return nil }
