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
	matched uint64    // the follower's log is the leader's up to here
	muted   bool      // it lost a part of its log
	since   time.Time // it keeps up with the leader since then; zero: it does not
}

// note records a reply.
func (p *progress) note(id raft.ServerID, req *raft.AppendEntriesRequest, resp *raft.AppendEntriesResponse, muted bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := p.peers[id]
	if s == nil {
		s = &peerProgress{}
		p.peers[id] = s
	}
	s.muted = muted
	if !resp.Success {
		s.since = time.Time{}
		return
	}
	s.matched = req.PrevLogEntry + uint64(len(req.Entries))
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
	clear(p.peers)
}
