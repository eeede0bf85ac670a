package raftgroup

import (
	"sync"
	"time"

	"github.com/hashicorp/raft"
)

// progress is what the leader's calls told about each follower.
type progress struct {
	mu    sync.Mutex
	peers map[raft.ServerID]*peerProgress
}

type peerProgress struct {
	matched     uint64    // the follower's log is the leader's up to here
	matchedTerm uint64    // of the entry at matched
	term        uint64    // of the leadership in which it said so
	told        uint64    // what it has and knows to be committed
	flying      int       // appends to it that are under way
	muted       bool      // it lost a part of its log
	since       time.Time // it keeps up with the leader since then; zero: it does not
}

// begin counts an append that is sent.
func (p *progress) begin(id raft.ServerID) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.peerLocked(id).flying++
}

// end counts it out, replied to or not.
func (p *progress) end(id raft.ServerID) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.peerLocked(id).flying--
}

func (p *progress) peerLocked(id raft.ServerID) *peerProgress {
	s := p.peers[id]
	if s == nil {
		s = &peerProgress{}
		p.peers[id] = s
	}
	return s
}

// note records a reply.
func (p *progress) note(id raft.ServerID, req *raft.AppendEntriesRequest, resp *raft.AppendEntriesResponse, muted bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := p.peerLocked(id)
	s.muted = muted
	if !resp.Success {
		s.since = time.Time{}
		return
	}
	s.matched, s.matchedTerm = req.PrevLogEntry+uint64(len(req.Entries)), req.PrevLogTerm
	if n := len(req.Entries); n > 0 {
		s.matchedTerm = req.Entries[n-1].Term
	}
	s.term = req.Term
	s.told = max(s.told, min(req.LeaderCommitIndex, s.matched))
}

// get returns what is known of a follower; keepsUp says that it has the leader's
// log up to last, less what may be under way.
func (p *progress) get(id raft.ServerID, last uint64) peerProgress {
	const lag = 128
	p.mu.Lock()
	defer p.mu.Unlock()
	s := p.peers[id]
	if s == nil {
		return peerProgress{}
	}
	switch keepsUp := s.matched+lag >= last && s.matched > 0; {
	case !keepsUp:
		s.since = time.Time{}
	case s.since.IsZero():
		s.since = time.Now()
	}
	return *s
}

// forget drops what an earlier leadership learnt.
func (p *progress) forget() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, s := range p.peers {
		*s = peerProgress{flying: s.flying}
	}
}
