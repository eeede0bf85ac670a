package raftgroup

import (
	"bytes"
	"fmt"
	"io"
	"sync"

	"github.com/hashicorp/raft"

	"cairn/store"
)

// snapshotStore is Raft's view of snapshots. A group's rows are its snapshot:
// taking one means nothing but that the log may be cut; sending one streams the rows out of a Pebble snapshot.
// Receiving one collects tables, which install puts in place of the rows.
type snapshotStore struct {
	h      *Host
	id     GroupID
	stable *stableStore

	mu      sync.Mutex
	pending *installer // received whole, to be installed
}

var _ raft.SnapshotStore = (*snapshotStore)(nil)

// Identifiers of the two snapshots there can be.
const (
	rowsID    = "rows"
	pendingID = "received"
)

// meta describes the snapshot that the rows in r make up.
func (s *snapshotStore) meta(r groupRows) (*raft.SnapshotMeta, position, error) {
	pos, conf, err := readPosition(r.r, s.id)
	if err != nil {
		return nil, pos, err
	}
	m := &raft.SnapshotMeta{
		Version: 1, ID: rowsID, Index: pos.index, Term: pos.term,
		Configuration: conf.conf, ConfigurationIndex: conf.index,
	}
	return m, pos, nil
}

// List implements raft.SnapshotStore.
func (s *snapshotStore) List() ([]*raft.SnapshotMeta, error) {
	m, _, err := s.meta(groupRows{r: s.h.db, id: s.id})
	if err != nil || m.Index == 0 {
		return nil, err
	}
	return []*raft.SnapshotMeta{m}, nil
}

// Open implements raft.SnapshotStore. The snapshot of the rows is as of now,
// newer than the one that List showed; its Size is not known ahead.
func (s *snapshotStore) Open(id string) (*raft.SnapshotMeta, io.ReadCloser, error) {
	if id == pendingID {
		return &raft.SnapshotMeta{ID: id}, io.NopCloser(bytes.NewReader(nil)), nil
	}
	snap := s.h.db.NewSnapshot()
	m, pos, err := s.meta(groupRows{r: snap, id: s.id})
	if err == nil && m.Index == 0 {
		err = fmt.Errorf("group %d has no rows yet", s.id)
	}
	if err != nil {
		snap.Close()
		return nil, nil, err
	}
	r, err := newStreamReader(snap, s.id, pos.time)
	return m, r, err
}

// Create implements raft.SnapshotStore, both for taking and for receiving.
func (s *snapshotStore) Create(_ raft.SnapshotVersion, index, term uint64, conf raft.Configuration,
	confIndex uint64, _ raft.Transport) (raft.SnapshotSink, error) {
	return &snapshotSink{s: s, index: index, term: term, conf: groupConfig{index: confIndex, conf: conf}}, nil
}

// install puts the received snapshot in place of the rows.
func (s *snapshotStore) install() error {
	s.mu.Lock()
	in := s.pending
	s.pending = nil
	s.mu.Unlock()
	if in == nil {
		return store.Errorf(store.KindInternal, "install snapshot", "none was received")
	}
	return in.install()
}

// rowsSnapshot is the FSM's snapshot. There is nothing to write.
type rowsSnapshot struct{}

// Persist implements raft.FSMSnapshot.
func (rowsSnapshot) Persist(sink raft.SnapshotSink) error { return sink.Close() }

// Release implements raft.FSMSnapshot.
func (rowsSnapshot) Release() {}

// snapshotSink is one snapshot being taken, if nothing is written to it, or
// received.
type snapshotSink struct {
	s           *snapshotStore
	index, term uint64
	conf        groupConfig
	in          *installer
	closed      bool
}

// ID implements raft.SnapshotSink.
func (k *snapshotSink) ID() string { return pendingID }

// Write takes a part of a received stream.
func (k *snapshotSink) Write(p []byte) (int, error) {
	if k.in == nil {
		k.in = newInstaller(k.s, k.index, k.term, k.conf)
	}
	if err := k.in.write(p); err != nil {
		return 0, err
	}
	return len(p), nil
}

// Close completes the snapshot. One that is taken needs nothing: the log is cut
// no further than the rows are durable, whatever Raft asks for.
func (k *snapshotSink) Close() error {
	if k.closed {
		return nil
	}
	k.closed = true
	if k.in == nil {
		return nil
	}
	if err := k.in.finish(); err != nil {
		k.in.abort()
		return err
	}
	k.s.mu.Lock()
	k.s.pending = k.in
	k.s.mu.Unlock()
	return nil
}

// Cancel implements raft.SnapshotSink.
func (k *snapshotSink) Cancel() error {
	if !k.closed && k.in != nil {
		k.in.abort()
	}
	k.closed = true
	return nil
}
