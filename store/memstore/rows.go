package memstore

import (
	"bytes"
	"context"
	"time"

	"cairn/store"
)

// dedupeWindow is how long of group time the outcome of a command is kept.
const dedupeWindow = store.Time(10 * time.Minute / time.Millisecond)

// outcome is what a command returned the first time.
type outcome struct {
	reply []byte
	err   error
}

// dedupe remembers outcomes by command number for a while, oldest first.
type dedupe struct {
	byID  map[uint64]outcome
	order []dedupeEntry
}

type dedupeEntry struct {
	id uint64
	at store.Time
}

func (d *dedupe) init() { d.byID = make(map[uint64]outcome) }

// put remembers o, and forgets what is older than the window.
func (d *dedupe) put(id uint64, at store.Time, o outcome) {
	for len(d.order) > 0 && d.order[0].at+dedupeWindow < at {
		delete(d.byID, d.order[0].id)
		d.order = d.order[1:]
	}
	d.byID[id] = o
	d.order = append(d.order, dedupeEntry{id, at})
}

// LoseReplies makes the next n replies of commands get lost between the group
// and the caller of Do, which sends the same command again, as it does when a
// leader dies after its commit.
func (s *Store) LoseReplies(n int) { s.lost.Store(int64(n)) }

// Do implements [store.Rows].
func (s *Store) Do(ctx context.Context, ns store.NS, key, cmd []byte, placed ...store.Placed) ([]byte, error) {
	id := s.seq.Add(1)
	for {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		o := s.commit(id, ns, key, cmd, placed)
		if s.lost.Load() <= 0 || s.lost.Add(-1) < 0 {
			return bytes.Clone(o.reply), o.err
		}
	}
}

// commit applies command id unless it was applied before.
func (s *Store) commit(id uint64, ns store.NS, key, cmd []byte, placed []store.Placed) outcome {
	s.mu.Lock()
	defer s.mu.Unlock()
	if o, ok := s.mu.dedupe.byID[id]; ok {
		return o
	}
	s.mu.time = max(s.mu.time, store.TimeOf(s.clock()))
	o := s.applyLocked(ns, key, cmd, placed)
	s.mu.dedupe.put(id, s.mu.time, o)
	return o
}

// applyLocked runs the command on a clone of the rows, so that iterators do not
// see what it writes, and makes its effects happen if it succeeds.
func (s *Store) applyLocked(ns store.NS, key, cmd []byte, placed []store.Placed) outcome {
	m, err := s.machine(ns)
	if err != nil {
		return outcome{err: err}
	}
	tx := &txn{
		reader:   s.readerLocked(ns, key, s.mu.rows.Clone()),
		s:        s,
		receipts: placed,
		writes:   make(map[rowKey]write),
	}
	reply, err := m.Apply(tx, s.mu.time, bytes.Clone(cmd))
	if err == nil {
		err = tx.commitLocked()
	}
	if err != nil {
		return outcome{err: err}
	}
	return outcome{reply: bytes.Clone(reply)}
}

// Ask implements [store.Rows].
func (s *Store) Ask(ctx context.Context, ns store.NS, key, query []byte) ([]byte, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	m, err := s.machine(ns)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	rd := s.readerLocked(ns, key, s.mu.rows.Clone())
	s.mu.Unlock()
	reply, err := m.Read(rd, query)
	return bytes.Clone(reply), err
}

func (s *Store) machine(ns store.NS) (store.Machine, error) {
	m := s.machines[ns.Kind()]
	if m == nil {
		return nil, store.Errorf(store.KindInvalid, "find machine", "no machine hosts namespaces of kind %d", ns.Kind())
	}
	return m, nil
}

// readerLocked returns a reader of the range that holds key.
func (s *Store) readerLocked(ns store.NS, key []byte, rows *rowTree) *reader {
	r := &reader{ns: ns, rows: rows}
	for _, b := range s.mu.splits[ns] {
		if bytes.Compare(b, key) > 0 {
			r.end = b
			break
		}
		r.start = b
	}
	return r
}
