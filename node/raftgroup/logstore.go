package raftgroup

import (
	"fmt"
	"sync"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/hashicorp/raft"

	"cairn/store"
)

// logStore is the Raft log of one group, in the node's shared Pebble. Entries
// are durable when StoreLogs returns; concurrent calls of several groups share
// one fsync.
//
// The log has no gaps: a batch that does not continue it replaces, in one
// Pebble batch, what it overlaps (a conflicting suffix) or what it leaves behind
// (the log from before an installed snapshot). So a crash never shows a log in
// which terms fall.
type logStore struct {
	h  *Host
	id GroupID

	mu          sync.Mutex
	first, last uint64 // 0, 0: empty
	cache       logCache
	unsure      bool  // entries behind last may exist on disk, from a write that failed
	writing     bool  // a write that timed out is still under way
	bytes       int64 // stored since the last compaction was considered
}

var _ raft.MonotonicLogStore = (*logStore)(nil)

func openLogStore(h *Host, id GroupID) (*logStore, error) {
	s := &logStore{h: h, id: id}
	it, err := h.db.NewIter(&pebble.IterOptions{LowerBound: logKey(id, 0), UpperBound: logEnd(id)})
	if err != nil {
		return nil, fmt.Errorf("open raft log: %w", err)
	}
	defer it.Close()
	if it.First() {
		s.first = logIndexOf(it.Key())
	}
	if it.Last() {
		s.last = logIndexOf(it.Key())
	}
	return s, it.Error()
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
	v, closer, err := s.h.db.Get(logKey(s.id, index))
	if err == pebble.ErrNotFound {
		return raft.ErrLogNotFound
	} else if err != nil {
		return fmt.Errorf("read raft log: %w", err)
	}
	defer closer.Close()
	return decodeLog(v, index, l)
}

// StoreLog implements raft.LogStore.
func (s *logStore) StoreLog(l *raft.Log) error { return s.StoreLogs([]*raft.Log{l}) }

// StoreLogs implements raft.LogStore. A write that takes longer than the
// host's WriteTimeout is an error, on which a leader steps down; its outcome is
// settled by the next write, which overwrites it.
func (s *logStore) StoreLogs(logs []*raft.Log) error {
	if len(logs) == 0 {
		return nil
	}
	b := s.h.db.NewBatch()
	size := 0
	first, err := s.prepare(b, logs[0].Index)
	if err != nil {
		b.Close()
		return err
	}
	var buf []byte
	for _, l := range logs {
		buf = appendLog(buf[:0], l)
		size += len(buf)
		if err := b.Set(logKey(s.id, l.Index), buf, nil); err != nil {
			b.Close()
			return fmt.Errorf("write raft log: %w", err)
		}
	}
	if err := s.commit(b); err != nil {
		return err
	}
	s.stored(first, logs, size)
	return nil
}

// prepare makes b delete what must not stay beside entries from index next on,
// and returns the log's first index then.
func (s *logStore) prepare(b *pebble.Batch, next uint64) (first uint64, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.writing {
		return 0, s.hungError()
	}
	switch {
	case next == s.last+1 && !s.unsure:
		first = s.first
	case next <= s.last || next == s.last+1:
		first = min(s.first, next)
		err = b.DeleteRange(logKey(s.id, next), logEnd(s.id), nil)
	default:
		err = b.DeleteRange(logKey(s.id, 0), logEnd(s.id), nil)
	}
	if first == 0 {
		first = next
	}
	s.unsure = true
	return first, err
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
	s.h.space.wrote(size)
}

// commit syncs b, waiting for at most WriteTimeout.
func (s *logStore) commit(b *pebble.Batch) error {
	done := make(chan error, 1)
	go func() {
		err := s.h.commit(b, logSync)
		b.Close()
		done <- err
	}()
	t := time.NewTimer(s.h.opts.WriteTimeout)
	defer t.Stop()
	select {
	case err := <-done:
		return err
	case <-t.C:
	}
	s.mu.Lock()
	s.writing = true
	err := s.hungError()
	s.mu.Unlock()
	s.h.tasks.run(func() {
		<-done
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

// DeleteRange implements raft.LogStore. Raft removes a prefix after a snapshot,
// whose mark is synced by then, so the deletion need not be. A suffix, or the
// whole log, is only taken back here: the write that follows deletes it together
// with what replaces it.
func (s *logStore) DeleteRange(lo, hi uint64) error {
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
	s.first = hi + 1
	b := s.h.db.NewBatch()
	defer b.Close()
	if err := b.DeleteRange(logKey(s.id, 0), logKey(s.id, hi+1), nil); err != nil {
		return fmt.Errorf("truncate raft log: %w", err)
	}
	return s.h.commit(b, pebble.NoSync)
}

// takeBytes returns the bytes stored since it was last called.
func (s *logStore) takeBytes() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := s.bytes
	s.bytes = 0
	return n
}
