package raftgroup

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/raft"
)

// lead is what this replica knows of its own leadership.
type lead struct {
	// ready is the term in which this replica leads and has applied all that
	// earlier terms committed; 0, if it does not.
	ready atomic.Uint64

	mu        sync.Mutex
	changed   chan struct{} // closed at every change of ready
	observers []func(leader bool, term uint64)
	last      uint64 // the term that observers were told of, or 0
}

func (l *lead) init() { l.changed = make(chan struct{}) }

func (l *lead) wait() <-chan struct{} {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.changed
}

// set publishes the term and tells the observers, who run on the goroutine of
// watch, one change after the other.
func (l *lead) set(term uint64) {
	l.mu.Lock()
	l.ready.Store(term)
	close(l.changed)
	l.changed = make(chan struct{})
	was := l.last
	l.last = term
	obs := l.observers
	l.mu.Unlock()
	for _, fn := range obs {
		if was != 0 {
			fn(false, was)
		}
		if term != 0 {
			fn(true, term)
		}
	}
}

// Observe has fn called whenever this replica becomes a leader that is ready to
// serve, and when it ceases to be. Calls come in order, from a goroutine of the
// group; fn must not block for long. If the replica leads already, the first
// call comes at the next change: ask [Group.IsLeader] as well.
func (g *Group) Observe(fn func(leader bool, term uint64)) {
	g.lead.mu.Lock()
	defer g.lead.mu.Unlock()
	g.lead.observers = append(g.lead.observers, fn)
}

// IsLeader reports whether this replica leads and is ready to serve reads. It
// may have been deposed without knowing it yet.
func (g *Group) IsLeader() bool { return g.lead.ready.Load() != 0 }

// watch follows Raft's leadership changes.
func (g *Group) watch(notify <-chan bool) {
	defer func() {
		if g.lead.ready.Load() != 0 {
			g.lead.set(0)
		}
	}()
	for {
		select {
		case <-g.ctx.Done():
			return
		case leads := <-notify:
			if !leads {
				if g.lead.ready.Load() != 0 {
					g.lead.set(0)
				}
				continue
			}
			g.trans.progress.forget()
			if term, ok := g.barrier(); ok {
				g.lead.set(term)
			}
		}
	}
}

// barrier waits until all entries of earlier terms are applied, and returns the
// term in which that came true.
func (g *Group) barrier() (term uint64, ok bool) {
	for g.ctx.Err() == nil && g.raft.State() == raft.Leader {
		term = g.raft.CurrentTerm()
		if err := g.await(g.raft.Barrier(g.h.opts.WriteTimeout)); err == nil && g.raft.CurrentTerm() == term {
			return term, true
		}
		select {
		case <-time.After(g.h.opts.HeartbeatTimeout / 10):
		case <-g.ctx.Done():
		}
	}
	return 0, false
}
