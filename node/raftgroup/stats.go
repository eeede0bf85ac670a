package raftgroup

// Stats describes a replica, for status output and metrics.
type Stats struct {
	State   string // "Leader", "Follower", "Candidate", "Shutdown"
	Term    uint64
	First   uint64 // the first entry of the log; 0: the log is empty
	Last    uint64 // the last
	Commit  uint64 // the last that this replica knows to be committed
	Applied uint64 // the last that the rows contain
	Halted  error  // why the replica does not go on, or nil
	Muted   bool   // it lost a part of its log and has no say
}

// Stats describes the replica.
func (g *Group) Stats() Stats {
	first, _ := g.logs.FirstIndex() // never fails
	return Stats{
		State: g.raft.State().String(), Term: g.raft.CurrentTerm(),
		First: first, Last: g.raft.LastIndex(), Commit: g.raft.CommitIndex(),
		Applied: g.fsm.pos.Load().index, Halted: g.fsm.haltError(), Muted: g.muted.Load(),
	}
}

// Full reports whether only commands that free space are taken.
func (h *Host) Full() bool { return h.space.full.Load() }
