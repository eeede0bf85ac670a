package raftgroup

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/raft"

	"cairn/placement"
	"cairn/store"
)

// Group is this node's replica of one group. Its methods may be called
// concurrently.
type Group struct {
	h     *Host
	id    GroupID
	self  Member
	log   *slog.Logger
	raft  *raft.Raft
	logs  *logStore
	fsm   *fsm
	trans *transport
	stab  *stableStore

	started atomic.Bool // raft is set
	muted   atomic.Bool // it lost a part of its log; see mute.go
	wasOut  atomic.Bool // while muted: a configuration without its vote was applied

	ctx     context.Context // ends when the group stops
	cancel  context.CancelFunc
	tasks   tasks
	stopped sync.Once
	queue   queue
	reads   reads
	lead    lead

	cutMu      sync.Mutex // held while the log is cut
	cutAt      uint64     // the last index when it was cut
	uncutBytes int64      // stored since
}

// Start starts the replica of a group, resuming from what the disk holds. A
// replica without state that is not named in cfg.Members waits until the group's
// leader adds it as a learner. app.Restored has been called when Start returns.
//
// Errors: [store.KindExists], if the group runs; [store.KindCorrupt], if the
// only voter of a group lost a part of its log; what app.Restored returned.
func (h *Host) Start(cfg GroupConfig, app Applier) (*Group, error) {
	if cfg.ID >= maxGroup {
		return nil, store.Errorf(store.KindInvalid, "start group", "number %d is reserved", cfg.ID)
	}
	g, err := h.newGroup(cfg.ID)
	if err != nil {
		return nil, err
	}
	if err := g.open(cfg, app); err != nil {
		g.cancel()
		h.mu.Lock()
		delete(h.groups, g.id)
		h.mu.Unlock()
		return nil, fmt.Errorf("start group %d: %w", cfg.ID, err)
	}
	return g, nil
}

// newGroup reserves the group's place.
func (h *Host) newGroup(id GroupID) (*Group, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case h.closed || h.dead():
		return nil, store.Errorf(store.KindUnavailable, "start group", "the host is closed")
	case h.groups[id] != nil:
		return nil, store.Errorf(store.KindExists, "start group", "group %d runs already", id)
	}
	g := &Group{
		h: h, id: id, log: h.log.With("group", id),
		self: Member{Node: h.opts.Fabric.Self(), Incarnation: h.opts.Incarnation},
	}
	g.ctx, g.cancel = context.WithCancel(h.ctx)
	g.queue.init()
	g.lead.init()
	h.groups[id] = g
	return g, nil
}

// open brings the replica up.
func (g *Group) open(cfg GroupConfig, app Applier) (err error) {
	g.stab = openStableStore(g.h, g.id)
	snaps := &snapshotStore{h: g.h, id: g.id, stable: g.stab}
	if err := snaps.resume(); err != nil {
		return err
	}
	if g.logs, err = openLogStore(g.h, g.id); err != nil {
		return err
	}
	g.fsm = &fsm{h: g.h, id: g.id, app: app, snaps: snaps, onHalt: g.halted, onConf: g.configured, onApply: g.applied}
	if err := g.fsm.load(); err != nil {
		return err
	}
	if err := g.judge(snaps); err != nil {
		return err
	}
	g.trans = newTransport(g.h, g)
	g.trans.prompt = cfg.PromptCommits
	conf := g.raftConfig()
	founded, err := g.bootstrap(conf, cfg.Members, snaps)
	if err != nil {
		return err
	}
	notify := make(chan bool, 8)
	conf.NotifyCh = notify
	g.raft, err = raft.NewRaft(conf, g.fsm, g.logs, g.stab, snaps, g.trans)
	if err != nil {
		return err
	}
	g.cutAt = g.raft.LastIndex()
	g.started.Store(true)
	g.tasks.run(func() { g.watch(notify) })
	switch {
	case onlyVoter(g.raft.GetConfiguration().Configuration(), g.self):
		g.tasks.run(func() { g.campaign(0) })
	case founded && cfg.Members[int(cfg.ID)%len(cfg.Members)].Node == g.self.Node:
		g.tasks.run(func() { g.campaign(g.h.opts.HeartbeatTimeout / 4) })
	}
	return nil
}

func (g *Group) raftConfig() *raft.Config {
	c := raft.DefaultConfig()
	c.LocalID = g.self.serverID()
	c.HeartbeatTimeout = g.h.opts.HeartbeatTimeout
	c.ElectionTimeout = g.h.opts.HeartbeatTimeout
	c.LeaderLeaseTimeout = g.h.opts.HeartbeatTimeout
	c.CommitTimeout = g.h.opts.HeartbeatTimeout
	c.MaxAppendEntries = maxEntries
	c.ShutdownOnRemove = false
	c.SnapshotThreshold = neverSnapshot
	c.SnapshotInterval = 1 << 40 // 18 min; tend decides
	c.TrailingLogs = trailEntries
	c.NoSnapshotRestoreOnStart = true
	c.NoLegacyTelemetry = true
	c.Logger = newRaftLog(g.log)
	return c
}

// bootstrap writes the first configuration, if this incarnation is one of the
// founders and has no state; it reports whether it did.
func (g *Group) bootstrap(conf *raft.Config, members []Member, snaps *snapshotStore) (done bool, err error) {
	has, err := raft.HasExistingState(g.logs, g.stab, snaps)
	if err != nil || has {
		return false, err
	}
	var c raft.Configuration
	founder := false
	for _, m := range members {
		s := raft.Server{ID: m.serverID(), Address: raft.ServerAddress(m.serverID())}
		if !m.Voter {
			s.Suffrage = raft.Nonvoter
		}
		c.Servers = append(c.Servers, s)
		founder = founder || m.Voter && m.serverID() == g.self.serverID()
	}
	if !founder {
		return false, nil
	}
	return true, raft.BootstrapCluster(conf, g.logs, g.stab, snaps, g.trans, c)
}

// campaign makes Raft call an election, without waiting a heartbeat timeout for a
// leader that cannot be: this replica is the only voter, or the group is new. Of
// a new group one replica does so, which differs from group to group, after a
// pause in which the others are opened. If they are not, the usual timeouts find
// a leader.
func (g *Group) campaign(after time.Duration) {
	pause := time.NewTimer(after)
	defer pause.Stop()
	select {
	case <-pause.C:
	case <-g.ctx.Done():
		return
	}
	if _, led := g.Leader(); led {
		return
	}
	answer, err := g.trans.deliver(g.ctx, &raft.TimeoutNowRequest{RPCHeader: header(g.self.serverID())}, nil)
	if err == nil {
		_, err = g.trans.await(g.ctx, answer)
	}
	if err != nil && g.ctx.Err() == nil {
		g.log.Debug("the election waits for its time", "err", err)
	}
}

// Close stops the replica. Its state stays, and [Host.Start] resumes it.
func (g *Group) Close() error {
	g.stop()
	g.h.mu.Lock()
	defer g.h.mu.Unlock()
	if g.h.groups[g.id] == g {
		delete(g.h.groups, g.id)
	}
	return nil
}

func (g *Group) stop() {
	g.stopped.Do(func() {
		if !g.started.Load() {
			g.cancel()
			return
		}
		g.drain(g.unavailable("the group is stopped"))
		g.cancel()
		g.trans.cancel()
		g.trans.inbound.end(errors.New("the group stops"))
		// Shutdown reports nothing but that it is over.
		_ = g.raft.Shutdown().Error()
		g.tasks.close()
	})
}

// drain refuses further commands and gives those under way a moment to end.
func (g *Group) drain(why error) {
	g.queue.close(why)
	t := time.NewTimer(2 * g.h.opts.HeartbeatTimeout)
	defer t.Stop()
	select {
	case <-g.queue.idle:
	case <-t.C:
	case <-g.ctx.Done():
	}
}

// await waits for a future, or until the group stops. hashicorp/raft forgets the
// futures of entries that its FSM goroutine had not reached when it was shut
// down; drain makes that rare, and the goroutine that waits for one is then lost.
func (g *Group) await(f raft.Future) error {
	done := make(chan error, 1)
	go func() { done <- f.Error() }()
	select {
	case err := <-done:
		return err
	case <-g.ctx.Done():
		return raft.ErrRaftShutdown
	}
}

// halted stops a replica whose applier cannot go on. The others of the group,
// which may run a newer version, do without it.
func (g *Group) halted(err error) {
	g.log.Error("the replica halts; the group goes on without it", "err", err)
	if g.started.Load() {
		g.tasks.run(func() {
			g.drain(g.unavailable("the replica halted"))
			g.raft.Shutdown()
		})
	}
}

// ID returns the group's number.
func (g *Group) ID() GroupID { return g.id }

// Leader returns the node that leads the group, as far as this replica knows.
func (g *Group) Leader() (node placement.NodeID, ok bool) {
	_, id := g.raft.LeaderWithID()
	node, _, err := parseServerID(string(id))
	return node, err == nil
}

// Time returns the group time of the last entry applied here.
func (g *Group) Time() store.Time { return g.fsm.pos.Load().time }

// Now returns the group time that an entry would be stamped with if this replica
// made it now. It goes on while no commands come.
func (g *Group) Now() store.Time { return max(store.TimeOf(g.h.opts.Clock()), g.Time()) }

// unavailable is the error of a call that had no effect and may be tried again.
func (g *Group) unavailable(why string) *store.Error {
	return &store.Error{
		Op: "raft group", Kind: store.KindUnavailable, Resource: fmt.Sprintf("group %d", g.id), Err: errors.New(why),
	}
}

// notLeader is the error of a call that only the leader can serve. It had no
// effect.
func (g *Group) notLeader() error {
	e := &store.Error{
		Op: "raft group", Kind: store.KindMoved, Resource: fmt.Sprintf("group %d", g.id),
		Err: errors.New("this replica does not lead"),
	}
	if n, ok := g.Leader(); ok && n != g.self.Node {
		e.Reason = fmt.Sprintf("%s%d", leaderReason, n)
	}
	return e
}

// usable returns why this replica serves nothing, or nil.
func (g *Group) usable() error {
	if err := g.fsm.haltError(); err != nil {
		return g.unavailable("the replica halted: " + err.Error())
	}
	if g.h.dead() || g.ctx.Err() != nil {
		return g.unavailable("the replica is stopped")
	}
	return nil
}
