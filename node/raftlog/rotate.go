package raftlog

import (
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// maxFree is the number of files kept for later.
const maxFree = 3

// rotate begins a segment, in a file out of use or in a new one.
func (l *Log) rotate() error {
	s, head, extra := l.takeFree()
	for _, old := range extra {
		if err := l.remove(old); err != nil {
			return err
		}
	}
	fresh := s == nil
	if fresh {
		var err error
		if s, err = l.create(); err != nil {
			return err
		}
	}
	var salt [8]byte
	_, _ = rand.Read(salt[:]) // never fails
	s.begin(l.nextSeq, binary.BigEndian.Uint64(salt[:]), l.nextFrame, head)
	if err := l.writeHeader(s, fresh); err != nil {
		return err
	}
	l.nextSeq++
	l.off, l.durableHead, l.rotated = blockSize, head, true
	l.mu.Lock()
	defer l.mu.Unlock()
	l.segs = append(l.segs, s)
	l.stats.Syncs++
	l.stats.Written += blockSize
	return nil
}

// takeFree picks the file for the next segment, nil if there is none, the files
// to be removed, and the oldest segment in use. A file is touched only when the
// newest header, which is durable, says that it is out of use.
func (l *Log) takeFree() (s *segment, head uint64, extra []*segment) {
	l.mu.Lock()
	defer l.mu.Unlock()
	idle := func(s *segment) bool { return s.seq < l.durableHead && s.readers == 0 }
	if i := slices.IndexFunc(l.free, idle); i >= 0 {
		s = l.free[i]
		l.free = slices.Delete(l.free, i, i+1)
	}
	for len(l.free) > maxFree {
		i := slices.IndexFunc(l.free, idle)
		if i < 0 {
			break
		}
		extra = append(extra, l.free[i])
		l.free = slices.Delete(l.free, i, i+1)
	}
	if len(l.segs) > 0 {
		head = l.segs[0].seq
	} else {
		head = l.nextSeq
	}
	return s, head, extra
}

func (l *Log) path(num int) string { return l.o.FS.PathJoin(l.dir, fileName(num)) }

func (l *Log) remove(s *segment) error {
	_ = s.f.Close() // nothing in it is wanted
	if err := l.o.FS.Remove(l.path(s.num)); err != nil {
		return fmt.Errorf("remove %s: %w", fileName(s.num), err)
	}
	return nil
}

// create makes a file and reserves its space, if the file system can.
func (l *Log) create() (*segment, error) {
	f, err := l.o.FS.OpenReadWrite(l.path(l.nextNum), vfs.WriteCategoryUnspecified)
	if err != nil {
		return nil, fmt.Errorf("create %s: %w", fileName(l.nextNum), err)
	}
	s := &segment{f: f, num: l.nextNum, size: l.o.SegmentBytes}
	l.nextNum++
	_ = f.Preallocate(0, s.size) // without it the writes take the space
	return s, nil
}

func (l *Log) writeHeader(s *segment, fresh bool) error {
	if _, err := s.f.WriteAt(s.header(), 0); err != nil {
		return err
	}
	if !fresh {
		return s.f.SyncData()
	}
	if err := s.f.Sync(); err != nil {
		return err
	}
	return syncDir(l.o.FS, l.dir)
}

func syncDir(fs vfs.FS, dir string) error {
	d, err := fs.OpenDir(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}
