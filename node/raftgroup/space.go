package raftgroup

import (
	"sync/atomic"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// space watches the free space of the metadata disk. Pebble does not survive a
// full disk, so the host stops taking commands, but for those that free space,
// while there is still room to work in. A reserve file holds a quarter of that
// room; it is given back when even the freeing commands run low.
type space struct {
	fs      vfs.FS
	dir     string
	minFree uint64

	full    atomic.Bool
	written atomic.Int64  // bytes since the last check
	kick    chan struct{} // asks for a check
}

const (
	reserveName = "RESERVE"

	// checkEvery bounds the bytes written between two checks.
	checkEvery = 16 << 20
)

func newSpace(o Options) *space {
	s := &space{fs: o.FS, dir: o.Dir, minFree: o.MinFree, kick: make(chan struct{}, 1)}
	s.check()
	return s
}

// wrote counts n bytes towards the next check.
func (s *space) wrote(n int) {
	if s.written.Add(int64(n)) > checkEvery {
		select {
		case s.kick <- struct{}{}:
		default:
		}
	}
}

// check looks at the disk. A file system that cannot tell counts as roomy.
func (s *space) check() {
	s.written.Store(0)
	use, err := s.fs.GetDiskUsage(s.dir)
	if err != nil {
		return
	}
	free := use.AvailBytes
	s.full.Store(free < s.minFree)
	switch reserve := s.fs.PathJoin(s.dir, reserveName); {
	case free < s.minFree/2:
		_ = s.fs.Remove(reserve) // it may be gone already
	case free > 2*s.minFree:
		s.keepReserve(reserve)
	}
}

// keepReserve makes the reserve file if it is missing. Without one the margin is
// smaller, which is no error.
func (s *space) keepReserve(path string) {
	if _, err := s.fs.Stat(path); err == nil {
		return
	}
	f, err := s.fs.Create(path, vfs.WriteCategoryUnspecified)
	if err != nil {
		return
	}
	_ = f.Preallocate(0, int64(s.minFree/4))
	_ = f.Close()
}
