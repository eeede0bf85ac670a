package raftgroup

import "sync"

// Session names the commands of one client, so that each takes effect once
// however often it is sent, and tells the groups which replies the client still
// waits for. It may be used concurrently, and for one group or many.
type Session struct {
	client uint64

	mu   sync.Mutex
	next uint64
	open map[uint64]struct{} // named, outcome not known
	low  uint64              // all seqs below have ended
}

// NewSession starts the session of a client number that nobody used before and
// that is not 0.
func NewSession(client uint64) *Session {
	return &Session{client: client, next: 1, low: 1, open: map[uint64]struct{}{}}
}

// Begin names a command. The caller fills in Data and Freeing, sends it as often
// as it takes, and calls End.
func (s *Session) Begin() Command {
	s.mu.Lock()
	defer s.mu.Unlock()
	seq := s.next
	s.next++
	s.open[seq] = struct{}{}
	return Command{Client: s.client, Seq: seq, Low: s.low}
}

// End tells that the command will not be sent any more. Its reply is forgotten
// when a later command takes effect.
func (s *Session) End(seq uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.open, seq)
	for s.low < s.next {
		if _, waits := s.open[s.low]; waits {
			return
		}
		s.low++
	}
}
