package disk

import (
	"errors"
	"io"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"sync"

	"golang.org/x/sys/unix"
)

// memFS is an FS whose unsynced changes can be lost, and whose changes can be
// made to fail. before is called with the name of each change and may return
// the error that the change gives instead of happening.
type memFS struct {
	mu     sync.Mutex
	files  map[string]*memFile
	synced map[string]*memFile // what the directory holds after a crash
	locked bool
	total  int64
	before func(op string) error
}

func newMemFS() *memFS {
	return &memFS{files: map[string]*memFile{}, synced: map[string]*memFile{}, total: 1 << 30}
}

func (fs *memFS) change(op string) error {
	if fs.before == nil {
		return nil
	}
	return fs.before(op)
}

func (fs *memFS) Create(name string) (File, error) {
	if err := fs.change("create"); err != nil {
		return nil, err
	}
	fs.mu.Lock()
	defer fs.mu.Unlock()
	if fs.files[name] != nil {
		return nil, os.ErrExist
	}
	f := &memFile{fs: fs, punched: map[int64]bool{}}
	fs.files[name] = f
	return f, nil
}

func (fs *memFS) Open(name string) (File, error) {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	f := fs.files[name]
	if f == nil {
		return nil, os.ErrNotExist
	}
	return f, nil
}

func (fs *memFS) Remove(name string) error {
	if err := fs.change("remove"); err != nil {
		return err
	}
	fs.mu.Lock()
	defer fs.mu.Unlock()
	if fs.files[name] == nil {
		return os.ErrNotExist
	}
	delete(fs.files, name)
	return nil
}

func (fs *memFS) Rename(from, to string) error {
	if err := fs.change("rename"); err != nil {
		return err
	}
	fs.mu.Lock()
	defer fs.mu.Unlock()
	fs.files[to] = fs.files[from]
	delete(fs.files, from)
	return nil
}

func (fs *memFS) List() ([]string, error) {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	return slices.Sorted(maps.Keys(fs.files)), nil
}

func (fs *memFS) SyncDir() error {
	if err := fs.change("syncdir"); err != nil {
		return err
	}
	fs.mu.Lock()
	defer fs.mu.Unlock()
	fs.synced = maps.Clone(fs.files)
	return nil
}

type memLock struct{ fs *memFS }

func (l memLock) Close() error {
	l.fs.mu.Lock()
	defer l.fs.mu.Unlock()
	l.fs.locked = false
	return nil
}

func (fs *memFS) Lock(string) (io.Closer, error) {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	if fs.locked {
		return nil, errors.New("locked")
	}
	fs.locked = true
	return memLock{fs}, nil
}

func (fs *memFS) Space() (total, free int64, err error) {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	free = fs.total
	for _, f := range fs.files {
		free -= f.allocatedLocked()
	}
	return fs.total, free, nil
}

// crashClone returns what a crash now may leave: everything synced, and each
// unsynced change, a page of a write at a time, with the given probability.
func (fs *memFS) crashClone(rng *rand.Rand, keep float64) *memFS {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	out := newMemFS()
	out.total = fs.total
	names := map[string]*memFile{}
	for _, name := range sortedNames(fs.synced, fs.files) {
		from := fs.synced
		if rng.Float64() < keep {
			from = fs.files
		}
		if f := from[name]; f != nil {
			names[name] = f
		}
	}
	for _, name := range slices.Sorted(maps.Keys(names)) {
		out.files[name] = names[name].crashCloneLocked(out, rng, keep)
	}
	out.synced = maps.Clone(out.files)
	return out
}

func sortedNames(ms ...map[string]*memFile) []string {
	all := map[string]bool{}
	for _, m := range ms {
		for n := range m {
			all[n] = true
		}
	}
	return slices.Sorted(maps.Keys(all))
}

// flip inverts a bit of a file, as rot would: on the platter.
func (fs *memFS) flip(name string, off int64) {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	f := fs.files[name]
	for _, b := range [][]byte{f.data, f.stable} {
		if off < int64(len(b)) {
			b[off] ^= 0x10
		}
	}
}

type memFile struct {
	fs      *memFS
	data    []byte
	stable  []byte         // at the last sync
	pending []memChange    // since
	punched map[int64]bool // pages
}

// memChange is a write of bytes, a punch (zeroes), or a truncation.
type memChange struct {
	off      int64
	bytes    []byte
	truncate bool
}

func (c memChange) apply(data []byte) []byte {
	if c.truncate {
		if c.off <= int64(len(data)) {
			return slices.Clone(data[:c.off])
		}
		return append(slices.Clone(data), make([]byte, c.off-int64(len(data)))...)
	}
	if end := c.off + int64(len(c.bytes)); end > int64(len(data)) {
		data = append(data, make([]byte, end-int64(len(data)))...)
	}
	copy(data[c.off:], c.bytes)
	return data
}

func (f *memFile) crashCloneLocked(fs *memFS, rng *rand.Rand, keep float64) *memFile {
	data := slices.Clone(f.stable)
	for _, c := range f.pending {
		if c.truncate {
			if rng.Float64() < keep {
				data = c.apply(data)
			}
			continue
		}
		for len(c.bytes) > 0 {
			n := min(len(c.bytes), int(pageSize-c.off%pageSize))
			if rng.Float64() < keep {
				data = memChange{off: c.off, bytes: c.bytes[:n]}.apply(data)
			}
			c.off, c.bytes = c.off+int64(n), c.bytes[n:]
		}
	}
	return &memFile{fs: fs, data: data, stable: slices.Clone(data), punched: maps.Clone(f.punched)}
}

func (f *memFile) allocatedLocked() int64 { return int64(len(f.data)) - int64(len(f.punched))*pageSize }

func (f *memFile) ReadAt(b []byte, off int64) (int, error) {
	f.fs.mu.Lock()
	defer f.fs.mu.Unlock()
	if off >= int64(len(f.data)) {
		return 0, io.EOF
	}
	n := copy(b, f.data[off:])
	if n < len(b) {
		return n, io.EOF
	}
	return n, nil
}

func (f *memFile) do(op string, c memChange) error {
	if err := f.fs.change(op); err != nil {
		return err
	}
	f.fs.mu.Lock()
	defer f.fs.mu.Unlock()
	f.data = c.apply(f.data)
	f.pending = append(f.pending, c)
	return nil
}

// WriteVec leaves half of the bytes behind when it fails for lack of space.
func (f *memFile) WriteVec(bufs [][]byte, off int64) error {
	all := slices.Concat(bufs...)
	err := f.do("write", memChange{off: off, bytes: all})
	if errors.Is(err, unix.ENOSPC) {
		f.fs.mu.Lock()
		defer f.fs.mu.Unlock()
		c := memChange{off: off, bytes: all[:len(all)/2]}
		f.data = c.apply(f.data)
		f.pending = append(f.pending, c)
	}
	return err
}

// Sync that fails forgets what was dirty, as Linux does: it stays readable until
// it is evicted, and is never written.
func (f *memFile) Sync() error {
	err := f.fs.change("sync")
	f.fs.mu.Lock()
	defer f.fs.mu.Unlock()
	if err == nil {
		f.stable = slices.Clone(f.data)
	}
	f.pending = nil
	return err
}

func (f *memFile) Truncate(size int64) error {
	return f.do("truncate", memChange{off: size, truncate: true})
}

func (f *memFile) Allocate(int64, int64) error { return nil }

func (f *memFile) Punch(off, n int64) error {
	if err := f.do("punch", memChange{off: off, bytes: make([]byte, n)}); err != nil {
		return err
	}
	f.fs.mu.Lock()
	defer f.fs.mu.Unlock()
	for p := off / pageSize; p < (off+n)/pageSize; p++ {
		f.punched[p] = true
	}
	return nil
}

func (f *memFile) DropCache(int64, int64) {}
func (f *memFile) Close() error           { return nil }

func (f *memFile) Stat() (size, allocated int64, err error) {
	f.fs.mu.Lock()
	defer f.fs.mu.Unlock()
	return int64(len(f.data)), f.allocatedLocked(), nil
}
