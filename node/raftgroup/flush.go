package raftgroup

import (
	"fmt"
	"sync"
	"time"

	"github.com/cockroachdb/pebble/v2"

	"cairn/store"
)

const (
	// flushBytes bounds what is written to the log between two flushes of the
	// rows, and with it what a restart applies again.
	flushBytes = 32 << 20

	// flushAtEndTimeout bounds the flush of a host that closes.
	flushAtEndTimeout = 10 * time.Second
)

// failures tells those who wait for Pebble what fails in it. Pebble itself tries
// again for ever.
type failures struct {
	mu   sync.Mutex
	next *failure
}

type failure struct {
	told chan struct{} // closed when err is set
	err  error
}

// wait returns what will be the next failure.
func (f *failures) wait() *failure {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.next == nil {
		f.next = &failure{told: make(chan struct{})}
	}
	return f.next
}

func (f *failures) tell(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.next != nil {
		f.next.err = err
		close(f.next.told)
		f.next = nil
	}
}

// flush makes all rows committed so far durable.
func (h *Host) flush() error {
	failed := h.failed.wait()
	flushed, err := h.db.AsyncFlush()
	if err != nil {
		return fmt.Errorf("flush rows: %w", err)
	}
	select {
	case <-flushed:
	case <-failed.told:
		return fmt.Errorf("flush rows: %w", failed.err)
	case <-h.ctx.Done():
		return store.Errorf(store.KindUnavailable, "flush rows", "the host is closed")
	}
	if h.dead() {
		return errGivenUp
	}
	return nil
}

// flushDue starts a flush if much was logged since the last one began. It does
// not wait: a cut that comes too early for it takes less.
func (h *Host) flushDue() {
	if h.appended.Load()-h.flushedAt.Load() < flushBytes {
		return
	}
	if _, err := h.db.AsyncFlush(); err != nil {
		h.log.Warn("flush rows", "err", err)
	}
}

// flushAtEnd saves the next start from applying the log again. It does not
// matter if it fails, nor if a full disk lets it not end.
func (h *Host) flushAtEnd() {
	flushed, err := h.db.AsyncFlush()
	if err != nil || h.dead() {
		return
	}
	t := time.NewTimer(flushAtEndTimeout)
	defer t.Stop()
	select {
	case <-flushed:
	case <-h.givenUp:
	case <-t.C:
	}
}

// durableIndex returns the log index that a group's rows are durable at: what
// they would be at after a crash now.
func (h *Host) durableIndex(id GroupID) (uint64, error) {
	key := appliedKey(id)
	it, err := h.db.NewIter(&pebble.IterOptions{
		LowerBound: key, UpperBound: append(key[:len(key):len(key)], 0), OnlyReadGuaranteedDurable: true,
	})
	if err != nil {
		return 0, fmt.Errorf("read position: %w", err)
	}
	defer it.Close()
	if !it.First() {
		return 0, it.Error()
	}
	pos, err := decodePosition(it.Value())
	return pos.index, err
}
