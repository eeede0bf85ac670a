package raftgroup

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/hashicorp/raft"

	"cairn/node/raftlog"
	"cairn/store"
)

// logStore is the Raft log of one group, in the node's shared log. Entries are
// durable when StoreLogs returns; concurrent calls of several groups share one
// fsync.
//
// The log has no gaps: a batch that does not continue it replaces, in one step,
// what it overlaps (a conflicting suffix) or what it leaves behind (the log from
// before an installed snapshot). So a crash never shows a log in which terms
// fall.
type logStore struct {
	h  *Host
	id GroupID

	mu          sync.Mutex
	first, last uint64 // 0, 0: empty
	cache       logCache
	unsure      bool  // entries behind last may exist on disk, from a write that failed
	writing     bool  // a write that timed out is still under way
	bytes       int64 // stored since the last cut was considered
}

var _ raft.MonotonicLogStore = (*logStore)(nil)

func openLogStore(h *Host, id GroupID) *logStore {
	s := &logStore{h: h, id: id}
	s.first, s.last = h.rlog.Bounds(uint32(id))
	return s
}

// IsMonotonic tells Raft that entries are contiguous.
func (s *logStore) IsMonotonic() bool { return true }

// FirstIndex implements raft.LogStore.
func (s *logStore) FirstIndex() (uint64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.first, nil
}

// LastIndex implements raft.LogStore.
func (s *logStore) LastIndex() (uint64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.last, nil
}

// GetLog implements raft.LogStore.
func (s *logStore) GetLog(index uint64, l *raft.Log) error {
	s.mu.Lock()
	inside := index >= s.first && index <= s.last && index > 0
	cached := s.cache.get(index)
	s.mu.Unlock()
	if !inside {
		return raft.ErrLogNotFound
	}
	if cached != nil {
		*l = *cached
		return nil
	}
	e, err := s.h.rlog.Entry(uint32(s.id), index)
	if errors.Is(err, raftlog.ErrNotFound) {
		return raft.ErrLogNotFound
	} else if err != nil {
		return err
	}
	*l = raft.Log{Index: e.Index, Term: e.Term, Type: raft.LogType(e.Type), Data: e.Data}
	return nil
}

// StoreLog implements raft.LogStore.
func (s *logStore) StoreLog(l *raft.Log) error { return s.StoreLogs([]*raft.Log{l}) }

// StoreLogs implements raft.LogStore. A write that takes longer than the
// host's WriteTimeout is an error, on which a leader steps down; its outcome is
// settled by the next write, which overwrites it.
//
// What hashicorp/raft keeps of an entry besides (extensions, the time of the
// append) is used by nothing here and not stored.
func (s *logStore) StoreLogs(logs []*raft.Log) error {
	if len(logs) == 0 {
		return nil
	}
	first, reset, err := s.prepare(logs[0].Index)
	if err != nil {
		return err
	}
	entries := make([]raftlog.Entry, len(logs))
	size := 0
	for i, l := range logs {
		entries[i] = raftlog.Entry{Index: l.Index, Term: l.Term, Type: uint8(l.Type), Data: l.Data}
		size += len(l.Data)
	}
	if err := s.await(s.h.rlog.Append(uint32(s.id), reset, entries)); err != nil {
		return err
	}
	s.stored(first, logs, size)
	return nil
}

// prepare returns what the log's first index is once entries from index next on
// were stored, and whether no earlier ones may stay beside them.
func (s *logStore) prepare(next uint64) (first uint64, reset bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.writing {
		return 0, false, s.hungError()
	}
	if next <= s.last+1 {
		first = min(s.first, next)
	} else {
		reset = true
	}
	if first == 0 {
		first = next
	}
	s.unsure = true
	return first, reset, nil
}

// stored records a finished write.
func (s *logStore) stored(first uint64, logs []*raft.Log, size int) {
	last := logs[len(logs)-1]
	s.mu.Lock()
	s.first, s.last, s.unsure = first, last.Index, false
	s.bytes += int64(size)
	for _, l := range logs {
		s.cache.put(&raft.Log{Index: l.Index, Term: l.Term, Type: l.Type, Data: l.Data})
	}
	s.mu.Unlock()
	s.h.marks.update(s.id, func(m *mark) { m.index, m.term = last.Index, last.Term })
	s.h.appended.Add(int64(size))
	s.h.space.wrote(size)
}

// await waits for a write for at most WriteTimeout.
func (s *logStore) await(w *raftlog.Write) error {
	t := time.NewTimer(s.h.opts.WriteTimeout)
	defer t.Stop()
	select {
	case <-w.Done():
		return s.h.logged(w)
	case <-t.C:
	}
	s.mu.Lock()
	s.writing = true
	err := s.hungError()
	s.mu.Unlock()
	s.h.tasks.run(func() {
		<-w.Done()
		s.mu.Lock()
		s.writing = false
		s.mu.Unlock()
	})
	return err
}

func (s *logStore) hungError() error {
	return &store.Error{
		Op: "write raft log", Kind: store.KindTimeout, Resource: fmt.Sprintf("group %d", s.id),
		Err:  fmt.Errorf("the disk did not complete a write within %v", s.h.opts.WriteTimeout),
		Hint: "check the disk of this node's metadata directory",
	}
}

// DeleteRange implements raft.LogStore. Raft removes a prefix when its entries
// are applied; only those go whose effects are durable, and the rest with a
// later cut. A suffix, or the whole log, is only taken back here: the write that
// follows removes it together with what replaces it.
func (s *logStore) DeleteRange(lo, hi uint64) error {
	durable, err := s.h.durableIndex(s.id)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cache.reset()
	switch {
	case lo <= s.first && hi >= s.last:
		s.first, s.last, s.unsure = 0, 0, true
		return nil
	case hi >= s.last:
		s.last, s.unsure = lo-1, true
		return nil
	case lo > s.first:
		return fmt.Errorf("raft log: [%d, %d] is inside [%d, %d]", lo, hi, s.first, s.last)
	}
	if hi = min(hi, durable); hi >= s.first {
		s.first = hi + 1
		s.h.rlog.Cut(uint32(s.id), s.first)
	}
	return nil
}

// takeBytes returns the bytes stored since it was last called.
func (s *logStore) takeBytes() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := s.bytes
	s.bytes = 0
	return n
}
