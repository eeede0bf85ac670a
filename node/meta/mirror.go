package meta

import (
	"bytes"
	"maps"
	"sync/atomic"

	"cairn/node/raftgroup"
	"cairn/store"
)

// mirror holds in memory what every command and every query looks at: the
// group's ranges, and the rows of the machines' pinned columns.
//
// It is a function of the rows and of the commands that were applied. Raft's FSM
// goroutine changes it, when a command succeeded and before its rows become
// visible; anybody reads it. So it is never older than a snapshot of the rows
// that was taken before it was read. It may be newer by commands that are
// committed and concurrent with the query: then the query comes after them as
// far as ranges and pinned rows go, and cannot see more of what they did.
type mirror struct {
	cols  uint64 // the pinned columns, a bit each
	state atomic.Pointer[mirrored]
}

// mirrored is one state of a mirror. It does not change.
type mirrored struct {
	ranges map[uint64]*rangeRow // by id
	pinned map[string][]byte    // by row key
}

// pin is a change of a pinned row; a nil value deletes it.
type pin struct{ key, value []byte }

// newMirror returns the mirror of a group without rows.
func newMirror(machines map[store.Kind]store.Machine) *mirror {
	m := &mirror{}
	for _, x := range machines {
		if p, ok := x.(store.Pinner); ok {
			for _, col := range p.Pinned() {
				m.cols |= 1 << col
			}
		}
	}
	m.state.Store(&mirrored{})
	return m
}

// pins reports whether rows of col are here.
func (m *mirror) pins(col store.Col) bool { return col < 64 && m.cols>>col&1 == 1 }

// load reads everything from the rows.
func (m *mirror) load(rows raftgroup.Rows) error {
	s := &mirrored{ranges: map[uint64]*rangeRow{}, pinned: map[string][]byte{}}
	err := eachRow(rows, colRange, func(key, value []byte) error {
		id := be64(key[1:])
		r, err := decodeRange(id, value)
		s.ranges[id] = r
		return err
	})
	for col := store.Col(0); col < 64 && err == nil; col++ {
		if m.pins(col) {
			err = eachRow(rows, byte(col), func(key, value []byte) error {
				s.pinned[string(key)] = bytes.Clone(value)
				return nil
			})
		}
	}
	if err != nil {
		return err
	}
	m.state.Store(s)
	return nil
}

// eachRow calls f for every row of a column.
func eachRow(rows raftgroup.Rows, col byte, f func(key, value []byte) error) error {
	it, err := rows.Iter([]byte{col}, []byte{col + 1})
	if err != nil {
		return err
	}
	defer it.Close()
	for it.Next() {
		if err := f(it.Key(), it.Value()); err != nil {
			return err
		}
	}
	return it.Close()
}

// add takes in a new range.
func (m *mirror) add(r *rangeRow) {
	old := m.state.Load()
	ranges := maps.Clone(old.ranges)
	ranges[r.id] = r
	m.state.Store(&mirrored{ranges: ranges, pinned: old.pinned})
}

// change changes pinned rows.
func (m *mirror) change(pins []pin) {
	if len(pins) == 0 {
		return
	}
	old := m.state.Load()
	pinned := maps.Clone(old.pinned)
	for _, p := range pins {
		if p.value == nil {
			delete(pinned, string(p.key))
		} else {
			pinned[string(p.key)] = p.value
		}
	}
	m.state.Store(&mirrored{ranges: old.ranges, pinned: pinned})
}

// owned returns the range that the sender of a command or query meant, and
// checks that the key is in it (invariant 5).
func (s *mirrored) owned(id, gen uint64, ns store.NS, key []byte) (*rangeRow, error) {
	r := s.ranges[id]
	if r == nil {
		return nil, moved(reasonUnknownRange, "range %d is not here", id)
	}
	if r.gen != gen || r.ns != ns || !r.contains(key) {
		return nil, moved("", "range %d is at generation %d", id, r.gen)
	}
	return r, nil
}

// rangeOf returns the range that holds a key. There is one at most.
func (s *mirrored) rangeOf(ns store.NS, key []byte) (*rangeRow, error) {
	for _, r := range s.ranges {
		if r.ns == ns && r.contains(key) {
			return r, nil
		}
	}
	return nil, moved(reasonUnknownRange, "no range here holds key %q of namespace %d", key, ns)
}
