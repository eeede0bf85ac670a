package raftgroup

import (
	"context"
	"time"

	"cairn/placement"
	"cairn/store"
)

// Host runs the node's replicas. Stub: the implementation follows.
type Host struct{}

// Open opens the host.
func Open(o Options) (*Host, error) { panic("follows") }

// Start starts or resumes the replica of a group.
func (h *Host) Start(cfg GroupConfig, app Applier) (*Group, error) { panic("follows") }

// Group returns a started group, or nil.
func (h *Host) Group(id GroupID) *Group { panic("follows") }

// Stored lists the groups that have state on disk.
func (h *Host) Stored() ([]GroupID, error) { panic("follows") }

// Destroy stops the replica and deletes its rows and log.
func (h *Host) Destroy(id GroupID) error { panic("follows") }

// Close stops all groups and flushes.
func (h *Host) Close() error { panic("follows") }

// Kill ends like kill -9: nothing more reaches the disk or the network.
func (h *Host) Kill() { panic("follows") }

// Group is a replica.
type Group struct{}

// ID returns the group's number.
func (g *Group) ID() GroupID { panic("follows") }

// Propose replicates a command.
func (g *Group) Propose(ctx context.Context, cmd Command) (reply []byte, err error) { panic("follows") }

// ReadIndex returns a linearizable snapshot.
func (g *Group) ReadIndex(ctx context.Context) (*Snapshot, error) { panic("follows") }

// ReadLocal returns this replica's rows as they are, possibly stale.
func (g *Group) ReadLocal() (*Snapshot, error) { panic("follows") }

// Leader returns the leader this replica knows of.
func (g *Group) Leader() (node placement.NodeID, ok bool) { panic("follows") }

// IsLeader reports whether this replica leads and is ready to serve reads.
func (g *Group) IsLeader() bool { panic("follows") }

// Observe calls fn, in order, whenever leadership is gained or lost.
func (g *Group) Observe(fn func(leader bool, term uint64)) { panic("follows") }

// Members returns the newest configuration known here.
func (g *Group) Members() []Member { panic("follows") }

// AddLearner, Promote, Demote and Remove change the configuration; leader only.
func (g *Group) AddLearner(ctx context.Context, m Member) error { panic("follows") }

// Promote makes a learner a voter.
func (g *Group) Promote(ctx context.Context, m Member) error { panic("follows") }

// Demote makes a voter a learner.
func (g *Group) Demote(ctx context.Context, m Member) error { panic("follows") }

// Remove takes a member out.
func (g *Group) Remove(ctx context.Context, m Member) error { panic("follows") }

// TransferLeadership hands leadership over; node 0: to whoever is furthest.
func (g *Group) TransferLeadership(ctx context.Context, to placement.NodeID) error { panic("follows") }

// Reconcile takes one step towards the wanted members; leader only.
func (g *Group) Reconcile(ctx context.Context, want []Member, promoteAfter time.Duration) (done bool, err error) {
	panic("follows")
}

// Time returns the group time of the last applied entry.
func (g *Group) Time() store.Time { panic("follows") }

// Stats describes the replica.
func (g *Group) Stats() Stats { panic("follows") }

// Close stops the replica; its state stays.
func (g *Group) Close() error { panic("follows") }

// Stats describes a replica.
type Stats struct {
	State                              string // leader, follower, candidate, stopped
	Term                               uint64
	First, Last, Commit, Applied, Snap uint64
	LogBytes                           uint64
	Halted                             error
	Muted                              bool
}

// Snapshot is a consistent view of a group's rows. Close it.
type Snapshot struct{}

// Get implements Rows.
func (s *Snapshot) Get(key []byte) ([]byte, bool, error) { panic("follows") }

// Iter implements Rows.
func (s *Snapshot) Iter(lower, upper []byte) (*Iterator, error) { panic("follows") }

// Index returns the last log index the snapshot contains.
func (s *Snapshot) Index() uint64 { panic("follows") }

// Time returns the group time at the snapshot.
func (s *Snapshot) Time() store.Time { panic("follows") }

// Close gives the snapshot back.
func (s *Snapshot) Close() { panic("follows") }

// Txn is what a command sees and changes.
type Txn struct{}

// Get implements Rows; it sees the transaction's own writes.
func (t *Txn) Get(key []byte) ([]byte, bool, error) { panic("follows") }

// Iter implements Rows.
func (t *Txn) Iter(lower, upper []byte) (*Iterator, error) { panic("follows") }

// Put writes a row; the slices may be reused.
func (t *Txn) Put(key, value []byte) { panic("follows") }

// Delete removes a row.
func (t *Txn) Delete(key []byte) { panic("follows") }

// DeleteRange removes lower ≤ key < upper.
func (t *Txn) DeleteRange(lower, upper []byte) { panic("follows") }

// Iterator walks rows in order. Close it.
type Iterator struct{}

// Next moves on.
func (i *Iterator) Next() bool { panic("follows") }

// SeekGE moves to the first row at or behind key.
func (i *Iterator) SeekGE(key []byte) bool { panic("follows") }

// Key returns the current key.
func (i *Iterator) Key() []byte { panic("follows") }

// Value returns the current value.
func (i *Iterator) Value() []byte { panic("follows") }

// Close releases the iterator and returns its error.
func (i *Iterator) Close() error { panic("follows") }

// Session hands out the names of one client's commands.
type Session struct{}

// NewSession starts the session of a client number that was never used before.
func NewSession(client uint64) *Session { panic("follows") }

// Begin names the next command.
func (s *Session) Begin() Command { panic("follows") }

// End tells that the command's outcome is known or wanted no more.
func (s *Session) End(seq uint64) { panic("follows") }
