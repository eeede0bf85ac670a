package raftgroup

// LogWrites returns how often the host's Raft log was fsynced and how many bytes
// were written to it since the host was opened. All groups of the node share it.
func (h *Host) LogWrites() (fsyncs, bytes uint64) {
	s := h.rlog.Stats()
	return s.Syncs, s.Written
}
