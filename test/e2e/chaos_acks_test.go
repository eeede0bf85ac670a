package e2e

import (
	"sync"
	"time"
)

// acks measures acknowledgements: how many, how slow the slowest was, and the
// longest time without one. A bucket's keys belong to one metadata group, so the
// time without one is taken for each bucket: other groups do not hide it.
type acks struct {
	mu      sync.Mutex
	last    map[string]time.Time
	count   int
	gap     time.Duration
	slowest time.Duration
}

// measured is what acks saw between two calls of cut.
type measured struct {
	writes       int
	gap, slowest time.Duration
}

func newAcks() *acks { return &acks{last: map[string]time.Time{}} }

// add notes the acknowledgement of a write that was begun at began.
func (a *acks) add(bucket string, began time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	now := time.Now()
	a.gapLocked(bucket, now)
	a.last[bucket] = now
	a.count++
	a.slowest = max(a.slowest, now.Sub(began))
}

func (a *acks) gapLocked(bucket string, now time.Time) {
	if last, ok := a.last[bucket]; ok {
		a.gap = max(a.gap, now.Sub(last))
	}
}

// cut returns what was measured since the last cut. A gap that is open counts up
// to now, and goes on.
func (a *acks) cut() measured {
	a.mu.Lock()
	defer a.mu.Unlock()
	for bucket := range a.last {
		a.gapLocked(bucket, time.Now())
	}
	m := measured{a.count, a.gap, a.slowest}
	a.count, a.gap, a.slowest = 0, 0, 0
	return m
}
