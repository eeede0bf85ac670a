package raftlog

import (
	"fmt"
	"io"
	"slices"
	"sync"

	"github.com/cockroachdb/pebble/v2/vfs"

	"cairn/store"
)

// Open opens the log in dir, creating it if needed. A damaged one is an error of
// [store.KindCorrupt].
func Open(dir string, o Options) (*Log, error) {
	o.setDefaults()
	if o.SegmentBytes%blockSize != 0 || o.SegmentBytes < 16*blockSize {
		return nil, store.Errorf(store.KindInvalid, "open raft log", "segments of %d bytes", o.SegmentBytes)
	}
	l := &Log{o: o, dir: dir, nextFrame: 1, nextSeq: 1, nextNum: 1, groups: map[uint32]*group{}, ended: make(chan struct{})}
	l.wake = sync.NewCond(&l.mu)
	if err := l.load(); err != nil {
		_ = l.closeFiles() // nothing was written
		return nil, err
	}
	go l.write()
	return l, nil
}

// load brings the log to what the disk says.
func (l *Log) load() error {
	if err := l.o.FS.MkdirAll(l.dir, 0o755); err != nil {
		return fmt.Errorf("create %s: %w", l.dir, err)
	}
	if err := syncDir(l.o.FS, l.o.FS.PathDir(l.dir)); err != nil {
		return fmt.Errorf("sync the directory of %s: %w", l.dir, err)
	}
	if err := l.openFiles(); err != nil {
		return err
	}
	if len(l.segs) == 0 {
		if err := l.rotate(); err != nil {
			return fmt.Errorf("create the raft log in %s: %w", l.dir, err)
		}
		return nil
	}
	if err := l.pickLive(); err != nil {
		return err
	}
	last, err := l.replay()
	if err != nil {
		return err
	}
	if err := l.settle(last); err != nil {
		return fmt.Errorf("open raft log: %w", err)
	}
	l.retireLocked()
	return nil
}

// openFiles opens all files: those with a header as segments, the others as
// free.
func (l *Log) openFiles() error {
	names, err := l.o.FS.List(l.dir)
	if err != nil {
		return fmt.Errorf("list %s: %w", l.dir, err)
	}
	written := 0
	for _, name := range names {
		num, ok := fileNumber(name)
		if !ok {
			continue
		}
		f, err := l.o.FS.OpenReadWrite(l.path(num), vfs.WriteCategoryUnspecified)
		if err != nil {
			return fmt.Errorf("open %s: %w", name, err)
		}
		s := &segment{f: f, num: num, size: l.o.SegmentBytes}
		l.free = append(l.free, s)
		l.nextNum = max(l.nextNum, num+1)
		fi, err := f.Stat()
		if err != nil {
			return fmt.Errorf("open %s: %w", name, err)
		}
		s.size = max(s.size, fi.Size())
		if ok, err = s.readHeader(); err != nil {
			return err
		}
		if ok {
			l.segs, l.free = append(l.segs, s), l.free[:len(l.free)-1]
		} else if fi.Size() > blockSize {
			written++
		}
	}
	if written > 0 && len(l.segs) == 0 {
		return l.corrupt("none of %d files has a header", written)
	}
	return nil
}

// pickLive leaves the segments in use in l.segs, in order.
func (l *Log) pickLive() error {
	slices.SortFunc(l.segs, func(a, b *segment) int {
		if a.seq < b.seq {
			return -1
		}
		return 1
	})
	newest := l.segs[len(l.segs)-1]
	for len(l.segs) > 0 && l.segs[0].seq < newest.head {
		l.free = append(l.free, l.segs[0])
		l.segs = l.segs[1:]
	}
	for i, s := range l.segs {
		if want := newest.head + uint64(i); s.seq != want {
			return l.corrupt("segment %d is missing", want)
		}
	}
	if newest.seq != newest.head+uint64(len(l.segs))-1 {
		return l.corrupt("segment %d is older than it says", newest.seq)
	}
	l.durableHead, l.nextSeq = newest.head, newest.seq+1
	return nil
}

// span is where a frame lies in the newest segment, without what pads it; zero:
// nowhere.
type span struct{ off, end int64 }

// replay reads the segments and returns the last frame of the newest.
func (l *Log) replay() (last span, err error) {
	l.nextFrame = l.segs[0].first
	r := &reader{}
	for _, s := range l.segs {
		if s.first != l.nextFrame {
			return last, l.corrupt("%s begins with frame %d instead of %d", fileName(s.num), s.first, l.nextFrame)
		}
		*r = reader{f: s.f, buf: r.buf[:0]}
		if last, err = l.replaySegment(r, s); err != nil {
			return last, err
		}
	}
	for id, g := range l.groups {
		if !g.whole() {
			return last, l.corrupt("group %d: entries between %d and %d are missing", id, g.first, g.end()-1)
		}
		if len(g.at) > 0 {
			g.tail = g.end() - 1
		}
	}
	return last, nil
}

func (l *Log) replaySegment(r *reader, s *segment) (last span, err error) {
	l.off = blockSize
	for {
		number, payload, ok, err := frameAt(r, s, l.off)
		if err != nil {
			return last, err
		}
		if !ok || number != l.nextFrame {
			return last, l.checkEnd(r, s)
		}
		if err := l.applyLocked(s, l.off+frameHeader, payload); err != nil {
			return last, fmt.Errorf("%s at %d: %w", fileName(s.num), l.off, err)
		}
		last = span{off: l.off, end: l.off + frameHeader + int64(len(payload))}
		l.off += framed(len(payload))
		l.nextFrame++
	}
}

// checkEnd makes sure that no frame lies behind the end of a segment. Frame n+1
// is written when frame n is synced, so what follows a damaged frame proves that
// it was durable once; with nothing behind it, it was never acknowledged.
func (l *Log) checkEnd(r *reader, s *segment) error {
	for off := l.off; off < s.size; off += blockSize {
		number, _, ok, err := frameAt(r, s, off)
		if err != nil {
			return err
		}
		if ok {
			return l.corrupt("%s: frame %d is damaged at %d, frame %d follows at %d", fileName(s.num), l.nextFrame, l.off, number, off)
		}
	}
	return nil
}

// settle makes durable what was read of the newest segment, the only one that
// may not be: its header and its last frame may have been written by a process
// that died before it synced them, or whose sync failed. What a failed sync left
// in memory counts as clean, so they are written again. A frame that was written
// in half stays; the next one takes its place and its number.
func (l *Log) settle(last span) error {
	s := l.segs[len(l.segs)-1]
	if last.end > 0 {
		b := make([]byte, last.end-last.off)
		if _, err := s.f.ReadAt(b, last.off); err != nil && err != io.EOF {
			return err
		}
		if _, err := s.f.WriteAt(append(b, zeroBlock[:-len(b)&(blockSize-1)]...), last.off); err != nil {
			return err
		}
	}
	return l.writeHeader(s, true)
}

func (l *Log) corrupt(format string, args ...any) error {
	return &store.Error{
		Op: "open raft log", Kind: store.KindCorrupt, Resource: l.dir, Err: fmt.Errorf(format, args...),
	}
}
