package raftlog

import (
	"maps"
	"slices"
)

// group is what the log holds of one group. All is guarded by Log.mu.
type group struct {
	first  uint64     // index of at[0]
	at     []position // of the entries, contiguous
	values map[string]stored
	tail   uint64 // the last entry handed to Append; 0: none
}

// position is where a record lies. The zero position is a hole: while history is
// replayed from its middle, entries may come before those they follow.
type position struct {
	seg  *segment
	off  uint32
	size uint32
}

// stored is a value and where it lies.
type stored struct {
	value []byte
	at    position
}

// maxHole bounds the entries that a replay may skip.
const maxHole = 1 << 20

func (p position) claim() position {
	p.seg.live += int64(p.size)
	return p
}

func (p position) release() {
	if p.seg != nil {
		p.seg.live -= int64(p.size)
	}
}

// end is the index behind the last entry.
func (g *group) end() uint64 { return g.first + uint64(len(g.at)) }

// truncate drops the entries from index on.
func (g *group) truncate(index uint64) {
	keep := 0
	if index > g.first {
		keep = int(min(index-g.first, uint64(len(g.at))))
	}
	for _, p := range g.at[keep:] {
		p.release()
	}
	g.at = g.at[:keep]
}

// cut drops the entries below index.
func (g *group) cut(index uint64) {
	if index <= g.first {
		return
	}
	n := int(min(index-g.first, uint64(len(g.at))))
	for _, p := range g.at[:n] {
		p.release()
	}
	g.first += uint64(n)
	if g.at = g.at[n:]; len(g.at) == 0 {
		g.at = nil
	}
}

// put sets the position of one entry, opening holes as needed.
func (g *group) put(index uint64, p position) error {
	switch {
	case len(g.at) == 0:
		g.first = index
	case index < g.first:
		if g.first-index > maxHole {
			return malformed("entry %d comes before entry %d", index, g.first)
		}
		g.at = slices.Insert(g.at, 0, make([]position, g.first-index)...)
		g.first = index
	}
	at, n := index-g.first, uint64(len(g.at))
	if at >= n {
		if at-n > maxHole {
			return malformed("entry %d comes after entry %d", index, g.end()-1)
		}
		g.at = append(g.at, make([]position, at-n+1)...)
	}
	slot := &g.at[at]
	slot.release()
	*slot = p.claim()
	return nil
}

func (g *group) setValue(name string, value []byte, p position) {
	g.values[name].at.release()
	if len(value) == 0 {
		delete(g.values, name)
		return
	}
	if g.values == nil {
		g.values = map[string]stored{}
	}
	g.values[name] = stored{value: slices.Clone(value), at: p.claim()}
}

func (g *group) drop() {
	g.truncate(0)
	for name := range maps.Keys(g.values) {
		g.setValue(name, nil, position{})
	}
}

// whole reports whether no entry is missing.
func (g *group) whole() bool {
	return !slices.ContainsFunc(g.at, func(p position) bool { return p.seg == nil })
}

// applyLocked brings the index to what a durable frame says. Its payload lies at
// off of s.
func (l *Log) applyLocked(s *segment, off int64, payload []byte) error {
	for len(payload) > 0 {
		r, n, err := decodeRecord(payload)
		if err != nil {
			return err
		}
		if err := l.applyRecordLocked(&r, position{seg: s, off: uint32(off), size: uint32(n)}); err != nil {
			return err
		}
		payload, off = payload[n:], off+int64(n)
	}
	return nil
}

// retireLocked takes the oldest segments out of use while nothing is left in
// them.
func (l *Log) retireLocked() {
	for len(l.segs) > 1 && l.segs[0].live == 0 {
		l.free = append(l.free, l.segs[0])
		l.segs = l.segs[1:]
	}
}

func (l *Log) applyRecordLocked(r *record, p position) error {
	g := l.groups[r.group]
	if g == nil {
		if r.kind == kindDrop || r.kind == kindCut {
			return nil
		}
		g = l.groupLocked(r.group)
	}
	switch r.kind {
	case kindEntry:
		g.truncate(r.entry.Index)
		return g.put(r.entry.Index, p)
	case kindFirst:
		g.truncate(0)
		return g.put(r.entry.Index, p)
	case kindMoved:
		return g.put(r.entry.Index, p)
	case kindValue:
		g.setValue(r.name, r.value, p)
	case kindCut:
		g.cut(r.entry.Index)
	case kindDrop:
		g.drop()
		delete(l.groups, r.group)
	}
	return nil
}

// groupLocked returns a group, which it makes if needed.
func (l *Log) groupLocked(id uint32) *group {
	g := l.groups[id]
	if g == nil {
		g = &group{}
		l.groups[id] = g
	}
	return g
}
