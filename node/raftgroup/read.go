package raftgroup

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/hashicorp/raft"

	"cairn/store"
)

// reads shares the confirmation of leadership between the reads that arrived
// while the one before was under way. Each round takes one snapshot of the rows
// first and asks the voters then; the order is what makes the answer fresh.
type reads struct {
	mu   sync.Mutex
	next *readRound // gathers; nil if no read waits
	busy bool       // a round is under way
}

// readRound is one snapshot and one confirmation.
type readRound struct {
	done chan struct{} // closed when snap or err is set
	snap *pebble.Snapshot
	err  error
	refs atomic.Int32 // readers that may use snap, and the round itself
}

func (r *readRound) release() {
	if r.refs.Add(-1) == 0 && r.snap != nil {
		_ = r.snap.Close() // a snapshot holds no file of its own
	}
}

// Snapshot is a consistent view of a group's rows. Values it returns are valid
// until Close, which must be called once, after its iterators were closed.
type Snapshot struct {
	groupRows
	round *readRound

	mu   sync.Mutex
	done []func() error
}

var _ Rows = (*Snapshot)(nil)

// Get implements [Rows].
func (s *Snapshot) Get(key []byte) (value []byte, ok bool, err error) {
	v, done, err := s.get(key)
	if done == nil {
		return nil, false, err
	}
	s.mu.Lock()
	s.done = append(s.done, done)
	s.mu.Unlock()
	return v, true, nil
}

// Iter implements [Rows].
func (s *Snapshot) Iter(lower, upper []byte) (*Iterator, error) { return s.iter(lower, upper) }

// Close gives the snapshot back.
func (s *Snapshot) Close() {
	for _, done := range s.done {
		_ = done() // closing a value that was read has nothing left to fail
	}
	s.done = nil
	s.round.release()
}

// ReadIndex returns a snapshot that holds every command whose Propose, on any
// node, returned before ReadIndex was called. Errors: [store.KindMoved], if this
// replica does not lead; [store.KindUnavailable], if too few voters answer;
// [store.KindTimeout] and [store.KindCanceled] by ctx.
func (g *Group) ReadIndex(ctx context.Context) (*Snapshot, error) {
	if err := g.awaitReady(ctx); err != nil {
		return nil, err
	}
	r := g.joinRead()
	select {
	case <-r.done:
	case <-ctx.Done():
		r.release()
		return nil, g.readEnded(ctx.Err())
	}
	if r.err != nil {
		r.release()
		return nil, r.err
	}
	return &Snapshot{groupRows: groupRows{r: r.snap, id: g.id}, round: r}, nil
}

// ReadLocal returns the rows of this replica as they are: consistent, but
// perhaps older than what others already read.
func (g *Group) ReadLocal() (*Snapshot, error) {
	if err := g.usable(); err != nil {
		return nil, err
	}
	r := &readRound{snap: g.h.db.NewSnapshot()}
	r.refs.Store(1)
	return &Snapshot{groupRows: groupRows{r: r.snap, id: g.id}, round: r}, nil
}

func (g *Group) readEnded(err error) error {
	return &store.Error{Op: "read", Kind: store.KindOf(err), Resource: fmt.Sprintf("group %d", g.id), Err: err}
}

// awaitReady waits, on a new leader, until it has applied what came before it.
func (g *Group) awaitReady(ctx context.Context) error {
	for {
		changed := g.lead.wait()
		if err := g.usable(); err != nil {
			return err
		}
		if g.lead.ready.Load() != 0 {
			return nil
		}
		if g.raft.State() != raft.Leader {
			return g.notLeader()
		}
		poll := time.NewTimer(g.h.opts.HeartbeatTimeout / 4)
		select {
		case <-changed:
		case <-poll.C: // Raft may have stepped down before it was ready
		case <-ctx.Done():
			poll.Stop()
			return g.readEnded(ctx.Err())
		}
		poll.Stop()
	}
}

// joinRead adds a read to the round that has not begun yet.
func (g *Group) joinRead() *readRound {
	g.reads.mu.Lock()
	defer g.reads.mu.Unlock()
	r := g.reads.next
	if r == nil {
		r = &readRound{done: make(chan struct{})}
		r.refs.Store(1)
		g.reads.next = r
	}
	r.refs.Add(1)
	if !g.reads.busy && !g.tasks.run(g.readRounds) {
		g.reads.next = nil
		r.err = g.unavailable("the replica is stopped")
		close(r.done)
		return r
	}
	g.reads.busy = true
	return r
}

// readRounds runs rounds while reads wait.
func (g *Group) readRounds() {
	for {
		g.reads.mu.Lock()
		r := g.reads.next
		g.reads.next = nil
		if r == nil {
			g.reads.busy = false
			g.reads.mu.Unlock()
			return
		}
		g.reads.mu.Unlock()
		r.err = g.runRound(r)
		close(r.done)
		r.release()
	}
}

// runRound takes the snapshot and has the leadership confirmed that it was taken
// under.
func (g *Group) runRound(r *readRound) error {
	term := g.lead.ready.Load()
	if term == 0 {
		return g.notLeader()
	}
	r.snap = g.h.db.NewSnapshot()
	if err := g.confirm(term); err != nil {
		return err
	}
	// Had this replica lost the leadership and won it again, the snapshot could
	// lack what another leader committed in between.
	if g.lead.ready.Load() != term || g.raft.CurrentTerm() != term {
		return g.notLeader()
	}
	return g.usable()
}

// confirm asks the voters until a majority, this replica included, has said that
// it knows no term above term. A voter says so after the call began, so until
// then it had not voted for a newer leader; hence no newer leader had been
// elected, and nothing had been committed that this replica does not have.
//
// raft.VerifyLeader is not used: it counts the heartbeats of learners like those
// of voters, and it waits behind the disk writes of Raft's main loop.
func (g *Group) confirm(term uint64) error {
	voters := g.otherVoters()
	need := (len(voters) + 1) / 2 // beside this replica, which is a voter
	if need == 0 {
		return nil
	}
	answers := make(chan laneResult, len(voters))
	for _, id := range voters {
		lanes, err := g.h.peers.to(id)
		if err != nil {
			return err
		}
		lanes.confirms.submit(beat{kind: beatConfirm, group: g.id, term: term}, answers)
	}
	for left := len(voters); left >= need; left-- {
		a := <-answers
		switch {
		case a.err == nil && a.status == beatStale:
			return g.notLeader()
		case a.err == nil:
			if need--; need == 0 {
				return nil
			}
		}
	}
	return g.unavailable("too few voters answer")
}

// otherVoters lists the voters of the newest configuration but this replica.
func (g *Group) otherVoters() []raft.ServerID {
	var out []raft.ServerID
	for _, s := range g.raft.GetConfiguration().Configuration().Servers {
		if s.Suffrage == raft.Voter && s.ID != g.self.serverID() {
			out = append(out, s.ID)
		}
	}
	return out
}
