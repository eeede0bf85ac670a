package raftgroup

import "github.com/hashicorp/raft"

// Raft tells its followers the commit index with the next entry, or when its
// commit timeout has passed without one. A group with PromptCommits does not wait
// for that: as soon as an entry is committed and a follower has it, the follower
// gets an append without entries. That is one which Raft could have sent itself:
// the entry before it is the last that the follower was seen to have, and a
// commit index is true for ever.

// applied tells the followers what this replica has applied, if it leads.
func (g *Group) applied() {
	if !g.trans.prompt || !g.started.Load() || g.raft.State() != raft.Leader {
		return
	}
	for _, id := range g.trans.progress.followers() {
		g.trans.tell(id)
	}
}

// tell sends a follower the commit index if that is news to it and no append is
// under way, whose reply calls it again. A failure is left to Raft's own round.
func (t *transport) tell(id raft.ServerID) {
	if !t.prompt || !t.g.started.Load() {
		return
	}
	req := t.progress.news(id, t.g.raft.CommitIndex())
	if req == nil {
		return
	}
	t.h.tasks.run(func() {
		_ = t.sendAppend(id, appendCall{req: req}, &raft.AppendEntriesResponse{})
	})
}

// followers lists those that have replied in this leadership.
func (p *progress) followers() []raft.ServerID {
	p.mu.Lock()
	defer p.mu.Unlock()
	out := make([]raft.ServerID, 0, len(p.peers))
	for id := range p.peers {
		out = append(out, id)
	}
	return out
}

// news returns the append that tells a follower of commit, nil if there is
// nothing to tell or an append is under way.
func (p *progress) news(id raft.ServerID, commit uint64) *raft.AppendEntriesRequest {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := p.peers[id]
	if s == nil || s.flying > 0 || min(commit, s.matched) <= s.told {
		return nil
	}
	return &raft.AppendEntriesRequest{
		Term: s.term, PrevLogEntry: s.matched, PrevLogTerm: s.matchedTerm, LeaderCommitIndex: commit,
	}
}
