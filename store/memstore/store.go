package memstore

import (
	"bytes"
	"cmp"
	"sync"
	"sync/atomic"
	"time"

	"github.com/RaduBerinde/btreemap"

	"cairn/store"
)

// Store implements [store.Store]. Its methods are safe for concurrent use.
type Store struct {
	machines map[store.Kind]store.Machine
	now      atomic.Pointer[func() time.Time]
	seq      atomic.Uint64 // numbers the commands, as (client, seq) does in the engine
	lost     atomic.Int64  // replies still to be lost, see LoseReplies
	buffers  atomic.Int64  // buffers given out and not freed

	names registry

	mu struct {
		sync.Mutex
		rows   *rowTree
		splits map[store.NS][][]byte // ascending boundaries of each namespace's ranges
		time   store.Time            // group time of the last command
		dedupe dedupe
		blobs  map[store.BlobID]*blob
		gc     []GCEntry
		reads  map[*store.Time]struct{} // when the running reads began
		serial uint32                   // of the last blob
	}
}

var _ store.Store = (*Store)(nil)

// New returns an empty store that hosts the machines and runs on the wall
// clock.
func New(machines ...store.Machine) *Store {
	s := &Store{machines: make(map[store.Kind]store.Machine)}
	for _, m := range machines {
		s.machines[m.Kind()] = m
	}
	s.SetClock(time.Now)
	s.names.init()
	s.mu.rows = btreemap.New[rowKey, []byte](32, compareRows)
	s.mu.splits = make(map[store.NS][][]byte)
	s.mu.dedupe.init()
	s.mu.blobs = make(map[store.BlobID]*blob)
	s.mu.reads = make(map[*store.Time]struct{})
	return s
}

// SetClock replaces the clock. Group time never runs backwards, whatever the
// clock does.
func (s *Store) SetClock(now func() time.Time) { s.now.Store(&now) }

func (s *Store) clock() time.Time { return (*s.now.Load())() }

// Split makes key the first key of a new range of ns.
func (s *Store) Split(ns store.NS, key []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	old := s.mu.splits[ns]
	at := 0
	for at < len(old) && bytes.Compare(old[at], key) < 0 {
		at++
	}
	if len(key) == 0 || at < len(old) && bytes.Equal(old[at], key) {
		return
	}
	next := append([][]byte{}, old[:at]...)
	next = append(next, bytes.Clone(key))
	s.mu.splits[ns] = append(next, old[at:]...)
}

// rowKey is a row's address. Rows are ordered by namespace, column, key,
// suffix.
type rowKey struct {
	ns     store.NS
	col    store.Col
	key    string
	suffix string
}

type rowTree = btreemap.BTreeMap[rowKey, []byte]

func compareRows(a, b rowKey) int {
	return cmp.Or(
		cmp.Compare(a.ns, b.ns),
		cmp.Compare(a.col, b.col),
		cmp.Compare(a.key, b.key),
		cmp.Compare(a.suffix, b.suffix),
	)
}
