package raftgroup

import (
	"encoding/binary"
	"errors"
	"fmt"
	"sync"

	"github.com/hashicorp/raft"
)

// stableStore is Raft's term and vote, kept in the node's Raft log beside the
// group's entries. A value is durable when Set returns, with one exception: the
// term of a vote is written first and the candidate second, and the sync of the
// second covers both.
//
// A write waits for the disk however long it takes, because Raft panics on an
// error. On a host that was given up it does nothing and reports success: such
// a host answers nobody, so no promise is made that was not kept.
type stableStore struct {
	h  *Host
	id GroupID

	mu     sync.Mutex
	values map[string][]byte // what was set here, the lazily written included
}

var _ raft.StableStore = (*stableStore)(nil)

// Names that hashicorp/raft uses.
const (
	keyCurrentTerm = "CurrentTerm"
	keyVoteTerm    = "LastVoteTerm"
	keyVoteCand    = "LastVoteCand"
)

// Names of our own beside them.
const (
	keyMuted      = "cairn.muted"      // the replica lost a tail of its log, at or below an index
	keyInstalling = "cairn.installing" // a snapshot is being installed
	keyDestroying = "cairn.destroying" // the replica is being destroyed
)

func openStableStore(h *Host, id GroupID) *stableStore {
	return &stableStore{h: h, id: id, values: map[string][]byte{}}
}

// Set implements raft.StableStore.
func (s *stableStore) Set(key, val []byte) error {
	name := string(key)
	s.mu.Lock()
	defer s.mu.Unlock()
	if old, ok := s.values[name]; ok && string(old) == string(val) {
		return nil
	}
	if name == keyVoteTerm {
		s.h.rlog.SetLazily(uint32(s.id), name, val)
	} else if err := s.h.logged(s.h.rlog.Set(uint32(s.id), name, val)); err != nil && !errors.Is(err, errGivenUp) {
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
	return s.h.rlog.Value(uint32(s.id), string(key)), nil
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
	return s.h.logged(s.h.rlog.Set(uint32(s.id), name, nil))
}
