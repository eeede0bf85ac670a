package memstore

import (
	"fmt"
	"slices"
	"time"

	"cairn/store"
)

// orphanAge is how old, in seconds, a blob without a reference is when it goes.
const orphanAge = int64(24 * time.Hour / time.Second)

// GCEntry is a blob that waits for its deletion.
type GCEntry struct {
	store.Ref
	Due store.Time
}

// GC returns the blobs that wait for their deletion, in the order of their
// Unref.
func (s *Store) GC() []GCEntry {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.mu.gc)
}

// Collect does the engine's background deletion as of now: blobs due in the
// queue, and orphans older than a day that no row refers to. It returns how
// many blobs went.
func (s *Store) Collect() (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mu.time = max(s.mu.time, store.TimeOf(s.clock()))
	before := len(s.mu.blobs)
	var wait []GCEntry
	horizon := s.mu.time
	for began := range s.mu.reads {
		horizon = min(horizon, max(*began-1, s.mu.time-store.Time(24*time.Hour/time.Millisecond)))
	}
	for _, e := range s.mu.gc {
		if e.Due > s.mu.time || e.Due-gcDelay > horizon {
			wait = append(wait, e)
			continue
		}
		delete(s.mu.blobs, e.Blob)
	}
	s.mu.gc = wait
	for id, b := range s.mu.blobs {
		if b.state != blobFresh || s.mu.time.CreatedSeconds()-int64(id.Created()) <= orphanAge {
			continue
		}
		used, err := s.referencesLocked(id, b)
		if err != nil {
			return 0, err
		}
		if !used {
			delete(s.mu.blobs, id)
		}
	}
	return before - len(s.mu.blobs), nil
}

// Audit checks every blob against the machine's References: those that were
// referenced and not unreferenced must be referred to by a row of the key they
// were written for, and no others may be.
func (s *Store) Audit() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for id, b := range s.mu.blobs {
		used, err := s.referencesLocked(id, b)
		if err != nil {
			return err
		}
		if want := b.state == blobReferenced; used != want {
			return fmt.Errorf("blob %s of key %q in state %d: References says %v, want %v", id, b.owner.Key, b.state, used, want)
		}
	}
	return nil
}

func (s *Store) referencesLocked(id store.BlobID, b *blob) (bool, error) {
	m, err := s.machine(b.owner.NS)
	if err != nil {
		return false, err
	}
	rd := s.readerLocked(b.owner.NS, b.owner.Key, s.mu.rows.Clone())
	named, err := m.References(rd, b.owner.Key, []store.BlobID{id})
	return err == nil && named[0], err
}

// Stats counts what the store holds.
type Stats struct {
	Rows       int
	Fresh      int // blobs that no row has referred to yet
	Referenced int
	Dead       int // blobs that wait for their deletion
	Bytes      int64
	Buffers    int64 // given out by Buffer and not freed
}

// Stats returns the present counts.
func (s *Store) Stats() Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	st := Stats{Rows: s.mu.rows.Len(), Buffers: s.buffers.Load()}
	for _, b := range s.mu.blobs {
		st.Bytes += int64(len(b.data))
		switch b.state {
		case blobFresh:
			st.Fresh++
		case blobReferenced:
			st.Referenced++
		case blobDead:
			st.Dead++
		}
	}
	return st
}

// Damage flips a bit of the stored blob, so that reads of it give
// [store.KindCorrupt]. It reports whether the blob is there.
func (s *Store) Damage(id store.BlobID) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	b := s.mu.blobs[id]
	if b == nil {
		return false
	}
	data := slices.Clone(b.data)
	data[len(data)/2] ^= 1
	s.mu.blobs[id] = &blob{data: data, owner: b.owner, state: b.state}
	return true
}
