package raftlog

// reclaim frees the oldest segments by writing what is left in them again, at
// the end. It is worth it when less than half of a segment is left, and needed
// when the log takes twice what is in it, because the oldest segment of a group
// that does not write would hold all behind it. It runs on the writer's
// goroutine, so nothing else changes meanwhile.
//
// Two segments are moved for each that was begun: what is half empty takes one
// to move, so the log shrinks, and no commit waits for longer.
func (l *Log) reclaim() {
	for range 2 {
		if !l.worthwhile() {
			break
		}
		if err := l.moveOldest(); err != nil {
			if l.failed == nil {
				l.o.OnDamage(err)
			}
			break
		}
	}
	l.rotated = false
}

func (l *Log) worthwhile() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := len(l.segs)
	return n > l.o.Keep && (l.segs[0].live < l.o.SegmentBytes/2 || int64(n)*l.o.SegmentBytes > 2*l.liveLocked())
}

// left is what is left of a group in a segment.
type left struct {
	id      uint32
	entries []uint64
	at      []position // of entries
	values  map[string][]byte
}

// moveOldest writes what is left in the oldest segment again. The segment is out
// of use afterwards.
func (l *Log) moveOldest() error {
	l.mu.Lock()
	buf := l.bufferLocked()
	l.mu.Unlock()
	defer func() {
		l.mu.Lock()
		l.recycleLocked(buf)
		l.mu.Unlock()
	}()
	flush := func(more int) error {
		if len(buf)+more <= int(min(frameCap, l.o.SegmentBytes/2)) || len(buf) == frameHeader {
			return nil
		}
		err := l.commit(buf)
		buf = buf[:frameHeader]
		return err
	}
	for _, g := range l.leftIn() {
		for i, p := range g.at {
			e, err := readEntry(p, g.id, g.entries[i])
			if err != nil {
				return err
			}
			if err := flush(int(p.size)); err != nil {
				return err
			}
			buf = appendEntry(buf, kindMoved, g.id, &e)
		}
		for name, value := range g.values {
			if err := flush(recordHead + 1 + len(name) + 4 + len(value)); err != nil {
				return err
			}
			buf = appendValue(buf, g.id, name, value)
		}
	}
	return flush(frameCap)
}

// leftIn lists what is left in the oldest segment.
func (l *Log) leftIn() []left {
	l.mu.Lock()
	defer l.mu.Unlock()
	oldest := l.segs[0]
	var out []left
	for id, g := range l.groups {
		x := left{id: id, values: map[string][]byte{}}
		for i, p := range g.at {
			if p.seg == oldest {
				x.entries, x.at = append(x.entries, g.first+uint64(i)), append(x.at, p)
			}
		}
		for name, v := range g.values {
			if v.at.seg == oldest {
				x.values[name] = v.value
			}
		}
		if len(x.at) > 0 || len(x.values) > 0 {
			out = append(out, x)
		}
	}
	return out
}
