package raftgroup

import (
	"encoding/binary"
	"errors"
	"fmt"
	"sync"

	"github.com/cockroachdb/pebble/v2"
	"github.com/hashicorp/raft"
)

// stableStore is Raft's term and vote. A value is durable when Set returns,
// with one exception: the term of a vote is written first and the candidate
// second, and the sync of the second covers both.
//
// A write waits for the disk however long it takes, because Raft panics on an
// error. On a host that was given up it does nothing and reports success: such
// a host answers nobody, so no promise is made that was not kept.
type stableStore struct {
	h  *Host
	id GroupID

	mu     sync.Mutex
	values map[string][]byte // cache of what is stored
}

var _ raft.StableStore = (*stableStore)(nil)

// Names that hashicorp/raft uses.
const (
	keyCurrentTerm = "CurrentTerm"
	keyVoteTerm    = "LastVoteTerm"
	keyVoteCand    = "LastVoteCand"
)

// Names of our own in the same region.
const (
	keyMuted      = "cairn.muted"      // the replica lost a tail of its log
	keyCompacted  = "cairn.compacted"  // the log may start behind this index
	keyInstalling = "cairn.installing" // a snapshot is being installed
)

func openStableStore(h *Host, id GroupID) *stableStore {
	return &stableStore{h: h, id: id, values: map[string][]byte{}}
}

// Set implements raft.StableStore.
func (s *stableStore) Set(key, val []byte) error {
	return s.set(string(key), val, string(key) != keyVoteTerm)
}

func (s *stableStore) set(name string, val []byte, sync bool) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if old, ok := s.values[name]; ok && string(old) == string(val) {
		return nil
	}
	b := s.h.db.NewBatch()
	defer b.Close()
	if err := b.Set(raftKey(s.id, name), val, nil); err != nil {
		return fmt.Errorf("write raft state: %w", err)
	}
	wo := pebble.NoSync
	if sync {
		wo = logSync
	}
	if err := s.h.commit(b, wo); err != nil && !errors.Is(err, errGivenUp) {
		return fmt.Errorf("write raft state: %w", err)
	}
	s.values[name] = append([]byte(nil), val...)
	return nil
}

// Get implements raft.StableStore.
func (s *stableStore) Get(key []byte) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if v, ok := s.values[string(key)]; ok {
		return v, nil
	}
	v, closer, err := s.h.db.Get(raftKey(s.id, string(key)))
	if errors.Is(err, pebble.ErrNotFound) {
		return nil, nil
	} else if err != nil {
		return nil, fmt.Errorf("read raft state: %w", err)
	}
	defer closer.Close()
	out := append([]byte(nil), v...)
	s.values[string(key)] = out
	return out, nil
}

// SetUint64 implements raft.StableStore.
func (s *stableStore) SetUint64(key []byte, val uint64) error {
	if err := s.Set(key, binary.BigEndian.AppendUint64(nil, val)); err != nil {
		return err
	}
	if string(key) == keyCurrentTerm {
		s.h.marks.update(s.id, func(m *mark) { m.current = val })
	}
	return nil
}

// GetUint64 implements raft.StableStore.
func (s *stableStore) GetUint64(key []byte) (uint64, error) {
	v, err := s.Get(key)
	if err != nil || len(v) == 0 {
		return 0, err
	}
	if len(v) != 8 {
		return 0, fmt.Errorf("read raft state: %s has %d bytes", key, len(v))
	}
	return binary.BigEndian.Uint64(v), nil
}

// forget drops a name of our own, synced.
func (s *stableStore) forget(name string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.values, name)
	b := s.h.db.NewBatch()
	defer b.Close()
	if err := b.Delete(raftKey(s.id, name), nil); err != nil {
		return fmt.Errorf("write raft state: %w", err)
	}
	return s.h.commit(b, logSync)
}

// uncache tells that the name was deleted from the Pebble.
func (s *stableStore) uncache(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.values, name)
}
