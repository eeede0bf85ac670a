package raftgroup

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/hashicorp/raft"

	"cairn/placement"
	"cairn/store"
)

// Members returns the newest configuration this replica knows, which may not be
// committed yet, ordered by node.
func (g *Group) Members() []Member {
	var out []Member
	for _, s := range g.raft.GetConfiguration().Configuration().Servers {
		node, inc, err := parseServerID(string(s.ID))
		if err != nil {
			continue // only members made here are ever added
		}
		out = append(out, Member{Node: node, Incarnation: inc, Voter: s.Suffrage == raft.Voter})
	}
	slices.SortFunc(out, func(a, b Member) int { return cmp.Compare(a.Node, b.Node) })
	return out
}

// AddLearner adds a member without a vote. Like all changes of membership it is
// the leader's to make and is committed when it returns nil; a change that is
// made already is no error.
func (g *Group) AddLearner(ctx context.Context, m Member) error {
	id := m.serverID()
	return g.change(ctx, func(d time.Duration) raft.Future {
		return g.raft.AddNonvoter(id, raft.ServerAddress(id), 0, d)
	})
}

// Promote makes a learner a voter.
func (g *Group) Promote(ctx context.Context, m Member) error {
	id := m.serverID()
	return g.change(ctx, func(d time.Duration) raft.Future {
		return g.raft.AddVoter(id, raft.ServerAddress(id), 0, d)
	})
}

// Demote makes a voter a learner.
func (g *Group) Demote(ctx context.Context, m Member) error {
	return g.change(ctx, func(d time.Duration) raft.Future { return g.raft.DemoteVoter(m.serverID(), 0, d) })
}

// Remove takes a member out of the group.
func (g *Group) Remove(ctx context.Context, m Member) error {
	return g.change(ctx, func(d time.Duration) raft.Future { return g.raft.RemoveServer(m.serverID(), 0, d) })
}

// TransferLeadership hands the leadership to the voter on a node, or, with node
// 0, to the one that is furthest. It returns when this replica does not lead any
// more.
func (g *Group) TransferLeadership(ctx context.Context, to placement.NodeID) error {
	if to == 0 {
		return g.change(ctx, func(time.Duration) raft.Future { return g.raft.LeadershipTransfer() })
	}
	for _, m := range g.Members() {
		if m.Node == to && m.Voter {
			id := m.serverID()
			return g.change(ctx, func(time.Duration) raft.Future {
				return g.raft.LeadershipTransferToServer(id, raft.ServerAddress(id))
			})
		}
	}
	return store.Errorf(store.KindNotFound, "transfer leadership", "node %d is no voter of group %d", to, g.id)
}

// change runs one change and waits for it.
func (g *Group) change(ctx context.Context, fn func(enqueue time.Duration) raft.Future) error {
	if err := g.usable(); err != nil {
		return err
	}
	if g.raft.State() != raft.Leader {
		return g.notLeader()
	}
	done := make(chan error, 1)
	if !g.tasks.run(func() { done <- g.await(fn(enqueueTimeout)) }) {
		return g.unavailable("the replica is stopped")
	}
	select {
	case err := <-done:
		if err != nil {
			return g.proposeError(err)
		}
		return nil
	case <-ctx.Done():
		return g.readEnded(ctx.Err())
	}
}

// Progress is what a call of [Group.Reconcile] has done.
type Progress uint8

// The answers of Reconcile.
const (
	Settled Progress = iota // nothing is left to do
	Waiting                 // a learner does not keep up yet, or not for long enough
	Stepped                 // a step was made, and there may be another one
)

// Wanted is a member that a group should have.
type Wanted struct {
	Member
	// Proof is how long it must have kept up with the leader, as a learner,
	// before it gets a vote: one that comes and goes must not count towards
	// majorities.
	Proof time.Duration
}

// Reconcile takes one step from the group's configuration towards the wanted
// members. The leader calls it now and then. The steps, in this order:
//
//  1. An incarnation that a wanted one of the same node replaces is removed: its
//     data is gone, it only counts towards majorities.
//  2. A wanted member that is missing is added as a learner.
//  3. A voter that lost a part of its log is made a learner.
//  4. A learner that is wanted as a voter is made one when it has kept up with
//     the leader for its proof.
//  5. What is not wanted is demoted or removed, once all wanted voters are
//     voters. A leader that is not wanted hands the leadership over first.
func (g *Group) Reconcile(ctx context.Context, want []Wanted) (Progress, error) {
	if g.raft.State() != raft.Leader {
		return Waiting, g.notLeader()
	}
	switch step := g.nextStep(g.Members(), want); {
	case step.wait:
		return Waiting, nil
	case step.run == nil:
		return Settled, nil
	default:
		return Stepped, step.run(ctx)
	}
}

// step is what Reconcile does next: nothing is left, wait, or run.
type step struct {
	wait bool
	run  func(context.Context) error
}

func (g *Group) nextStep(have []Member, want []Wanted) step {
	act := func(fn func(context.Context, Member) error, m Member) step {
		return step{run: func(ctx context.Context) error { return fn(ctx, m) }}
	}
	for _, m := range have {
		if w, ok := wantedOn(want, m.Node); ok && w.Incarnation != m.Incarnation && m.Node != g.self.Node {
			return act(g.Remove, m)
		}
	}
	for _, w := range want {
		if m, ok := memberOn(have, w.Node); !ok || m.Incarnation != w.Incarnation {
			return act(g.AddLearner, w.Member)
		}
	}
	last := g.raft.LastIndex()
	wait := false
	for _, m := range have {
		w, wanted := wantedOn(want, m.Node)
		p := g.trans.progress.get(m.serverID(), last)
		switch {
		case m.Voter && p.muted && m.Node != g.self.Node:
			return act(g.Demote, m)
		case wanted && w.Voter && !m.Voter:
			if !p.since.IsZero() && time.Since(p.since) >= w.Proof {
				return act(g.Promote, m)
			}
			wait = true
		}
	}
	if wait {
		return step{wait: true}
	}
	for _, m := range have {
		w, wanted := wantedOn(want, m.Node)
		switch {
		case m.Node == g.self.Node && (!wanted || !w.Voter):
			return step{run: func(ctx context.Context) error { return g.TransferLeadership(ctx, 0) }}
		case !wanted:
			return act(g.Remove, m)
		case m.Voter && !w.Voter:
			return act(g.Demote, m)
		}
	}
	return step{}
}

// leadsIn reports whether this replica leads in the given term.
func (g *Group) leadsIn(term uint64) bool {
	return g.raft.State() == raft.Leader && g.raft.CurrentTerm() == term
}

// isMember reports whether a server is in the newest configuration.
func (g *Group) isMember(id raft.ServerID) bool {
	for _, s := range g.raft.GetConfiguration().Configuration().Servers {
		if s.ID == id {
			return true
		}
	}
	return false
}

func memberOn(list []Member, node placement.NodeID) (Member, bool) {
	i := slices.IndexFunc(list, func(m Member) bool { return m.Node == node })
	if i < 0 {
		return Member{}, false
	}
	return list[i], true
}

func wantedOn(list []Wanted, node placement.NodeID) (Wanted, bool) {
	i := slices.IndexFunc(list, func(w Wanted) bool { return w.Node == node })
	if i < 0 {
		return Wanted{}, false
	}
	return list[i], true
}
