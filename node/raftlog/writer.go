package raftlog

import (
	"errors"
	"fmt"
)

// frameCap bounds the payload of a frame of many records; a larger record has
// one to itself.
const frameCap = 4 << 20

// frameLocked returns the frame that a record of n bytes goes into.
func (l *Log) frameLocked(n int) *frame {
	limit := int(min(frameCap, l.o.SegmentBytes/2))
	if len(l.queue) > 0 {
		if f := l.queue[len(l.queue)-1]; len(f.buf)+n <= limit {
			return f
		}
	}
	f := &frame{Write: Write{done: make(chan struct{})}, buf: l.bufferLocked()}
	l.queue = append(l.queue, f)
	return f
}

// bufferLocked returns a buffer with room for a frame's header.
func (l *Log) bufferLocked() []byte {
	if n := len(l.spare); n > 0 {
		b := l.spare[n-1]
		l.spare = l.spare[:n-1]
		return b[:frameHeader]
	}
	return make([]byte, frameHeader, 64<<10)
}

// recycleLocked keeps a buffer for a later frame: two for those that take turns,
// one more for space being reclaimed.
func (l *Log) recycleLocked(b []byte) {
	if len(l.spare) < 3 && cap(b) <= frameCap+frameCap/2 {
		l.spare = append(l.spare, b)
	}
}

// wantLocked has the queue written, of which f is the last.
func (l *Log) wantLocked(f *frame) *Write {
	if !l.wanted {
		l.wanted = true
		l.wake.Signal()
	}
	return &f.Write
}

// refused is a change that is not made.
func refused(err error) *Write {
	w := &Write{done: make(chan struct{}), err: err}
	close(w.done)
	return w
}

// write is the writer's goroutine: one frame after the other is written, synced,
// and only then shown and told.
func (l *Log) write() {
	defer close(l.ended)
	for f := l.next(); f != nil; f = l.next() {
		f.err = l.commit(f.buf)
		l.mu.Lock()
		l.recycleLocked(f.buf)
		l.mu.Unlock()
		close(f.done)
		if l.rotated && f.err == nil {
			l.reclaim()
		}
	}
}

// next waits for a frame to write; nil means the end.
func (l *Log) next() *frame {
	l.mu.Lock()
	defer l.mu.Unlock()
	for !l.closed && !l.wanted {
		l.wake.Wait()
	}
	if len(l.queue) == 0 {
		return nil
	}
	f := l.queue[0]
	l.queue = l.queue[1:]
	l.wanted = len(l.queue) > 0
	return f
}

// commit makes the payload in buf, behind room for a header, durable and shows
// it. After an error nothing is written any more: what a failed sync left on the
// disk is not known.
func (l *Log) commit(buf []byte) error {
	if l.failed != nil { // set by this goroutine alone
		return l.failed
	}
	err := l.commitFrame(buf)
	if err != nil {
		l.mu.Lock()
		l.failed = fmt.Errorf("write raft log: %w", err)
		err = l.failed
		l.mu.Unlock()
	}
	return err
}

func (l *Log) commitFrame(buf []byte) error {
	payload := buf[frameHeader:]
	need := framed(len(payload))
	s := l.newest()
	if l.off+need > s.size {
		if need > s.size-blockSize {
			return errors.New("a frame larger than a segment")
		}
		if err := l.rotate(); err != nil {
			return err
		}
		s = l.newest()
	}
	whole := sealFrame(buf, s, l.nextFrame)
	if _, err := s.f.WriteAt(whole, l.off); err != nil {
		return err
	}
	if err := s.f.SyncData(); err != nil {
		return err
	}
	at := l.off + frameHeader
	l.off += need
	l.nextFrame++
	l.mu.Lock()
	defer l.mu.Unlock()
	l.stats.Syncs++
	l.stats.Written += uint64(len(whole))
	if err := l.applyLocked(s, at, payload); err != nil {
		return err
	}
	l.retireLocked()
	return nil
}

// newest returns the segment that is written to.
func (l *Log) newest() *segment {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.segs[len(l.segs)-1]
}
