package root

import (
	"context"
	"fmt"
	"sync"
	"time"

	"cairn/node/fabric"
	"cairn/placement"
	pb "cairn/proto"
	"cairn/store"
)

// Liveness is what the cluster thinks of a node right now. It is the root
// leader's opinion, spread with the answers to heartbeats, and never durable.
type Liveness uint8

// The states.
const (
	Up      Liveness = 0
	Suspect Liveness = 1 // silent for 3 s: writers avoid it
	Down    Liveness = 2 // silent for 10 s: readers skip it
	Unknown Liveness = 3 // never heard of since this leader began
)

// String returns the state in a word.
func (l Liveness) String() string {
	return [...]string{"up", "suspect", "down", "unknown"}[min(l, Unknown)]
}

// When silence means what, and how often nodes speak.
const (
	BeatInterval = time.Second
	suspectAfter = 3 * time.Second
	downAfter    = 10 * time.Second
)

// beats is the leader's memory of heartbeats.
type beats struct {
	mu    sync.Mutex
	term  uint64
	began time.Time // when this replica began to lead
	nodes map[placement.NodeID]*nodeBeat
}

type nodeBeat struct {
	heard       time.Time // last heartbeat
	since       time.Time // when state was entered
	state       Liveness
	oldestRead  int64
	unreachable []uint32 // peers that the node cannot reach
	disks       []*pb.DiskBeat
	fallbacks   []uint32 // fallback groups that its disks have shards of
}

func newBeats() *beats { return &beats{nodes: map[placement.NodeID]*nodeBeat{}} }

// heartbeat takes a node's beat and answers with the liveness of all. Only the
// leader answers: two opinions would be one too many.
func (s *Server) heartbeat(_ context.Context, _ fabric.Peer, req *fabric.Message) (*fabric.Message, error) {
	var r pb.HeartbeatRequest
	if err := decode(req, &r); err != nil {
		return nil, err
	}
	g, err := s.replica()
	if err != nil {
		return nil, err
	}
	if !g.IsLeader() {
		l, _ := g.Leader()
		return nil, notLeader(l)
	}
	return encode(s.beats.take(&r, g.Stats().Term, time.Now()))
}

// take records one beat and returns the picture.
func (b *beats) take(r *pb.HeartbeatRequest, term uint64, now time.Time) *pb.HeartbeatReply {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.leadLocked(term, now)
	n := b.nodes[placement.NodeID(r.Node)]
	if n == nil {
		n = &nodeBeat{since: now}
		b.nodes[placement.NodeID(r.Node)] = n
	}
	n.heard, n.oldestRead, n.unreachable, n.disks = now, r.OldestReadMs, r.Unreachable, r.Disks
	n.fallbacks = r.UsedFallbacks
	return b.pictureLocked(now)
}

// leadLocked forgets the beats of an earlier term: they are old, and silence
// counts from the beginning of this one.
func (b *beats) leadLocked(term uint64, now time.Time) {
	if b.term == term {
		return
	}
	b.term, b.began = term, now
	b.nodes = map[placement.NodeID]*nodeBeat{}
}

// pictureLocked brings the states up to date and returns them.
func (b *beats) pictureLocked(now time.Time) *pb.HeartbeatReply {
	reply := &pb.HeartbeatReply{Term: b.term}
	for id, n := range b.nodes {
		if state := b.stateLocked(id, n, now); state != n.state {
			n.state, n.since = state, now
		}
		reply.Nodes = append(reply.Nodes, &pb.NodeLiveness{Node: uint32(id), State: uint32(n.state), SinceMs: n.since.UnixMilli()})
		if n.state != Down && n.oldestRead != 0 && (reply.ReadHorizonMs == 0 || n.oldestRead < reply.ReadHorizonMs) {
			reply.ReadHorizonMs = n.oldestRead
		}
		reply.Disks = append(reply.Disks, n.disks...)
	}
	if now.Sub(b.began) < downAfter {
		reply.ReadHorizonMs = 1 // a node that was not heard yet may be reading
	}
	reply.BeganMs = b.began.UnixMilli()
	return reply
}

func (b *beats) stateLocked(id placement.NodeID, n *nodeBeat, now time.Time) Liveness {
	switch silent := now.Sub(n.heard); {
	case silent >= downAfter:
		return Down
	case silent >= suspectAfter, b.accusedLocked(id) >= 2:
		return Suspect
	}
	return Up
}

// up reports whether a node's beats say so. The planner asks this rather than the
// picture where it need not be shown to all first.
func (b *beats) up(id placement.NodeID, now time.Time) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	n := b.nodes[id]
	return n != nil && b.stateLocked(id, n, now) == Up
}

// accusedLocked counts the nodes that report that they cannot reach id.
func (b *beats) accusedLocked(id placement.NodeID) (count int) {
	for other, n := range b.nodes {
		for _, u := range n.unreachable {
			if placement.NodeID(u) == id && other != id && n.state == Up {
				count++
			}
		}
	}
	return count
}

// usedFallbacks returns the groups that nodes reported as fallback groups with
// shards in them. By now they may be something else.
func (b *beats) usedFallbacks() map[placement.PGID]bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	used := map[placement.PGID]bool{}
	for _, n := range b.nodes {
		for _, pg := range n.fallbacks {
			used[placement.PGID(pg)] = true
		}
	}
	return used
}

// notLeader is the error that sends the caller on to l.
func notLeader(l placement.NodeID) error {
	return &store.Error{Op: "root call", Kind: store.KindMoved, Reason: fmt.Sprintf("leader=%d", l)}
}

// Live is a node's copy of the liveness of all.
type Live struct {
	mu    sync.RWMutex
	at    time.Time
	reply *pb.HeartbeatReply
	nodes map[placement.NodeID]*pb.NodeLiveness
	disks map[placement.DiskID]*pb.DiskBeat
}

// Set takes over a new picture.
func (l *Live) Set(r *pb.HeartbeatReply, now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.at, l.reply = now, r
	l.nodes = make(map[placement.NodeID]*pb.NodeLiveness, len(r.Nodes))
	for _, n := range r.Nodes {
		l.nodes[placement.NodeID(n.Node)] = n
	}
	l.disks = make(map[placement.DiskID]*pb.DiskBeat, len(r.Disks))
	for _, d := range r.Disks {
		l.disks[placement.DiskID(d.Disk)] = d
	}
}

// Node returns the state of a node and since when it is in it. A node that the
// leader has not heard of is Unknown since the leader began.
func (l *Live) Node(id placement.NodeID) (Liveness, time.Time) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	if n := l.nodes[id]; n != nil {
		return Liveness(n.State), time.UnixMilli(n.SinceMs)
	}
	if l.reply == nil {
		return Unknown, time.Time{}
	}
	return Unknown, time.UnixMilli(l.reply.BeganMs)
}

// Disk returns the newest report on a disk; nil if its node has not reported it
// since it started, or since this leader began.
func (l *Live) Disk(id placement.DiskID) *pb.DiskBeat {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return l.disks[id]
}

// ReadHorizon returns a time before which no read began that still runs: the
// start of the oldest one, or, if the picture knows of none, now less the age of
// the picture. Without a picture it is the beginning of time.
func (l *Live) ReadHorizon(now time.Time) time.Time {
	l.mu.RLock()
	defer l.mu.RUnlock()
	switch {
	case l.reply == nil:
		return time.Time{}
	case l.reply.ReadHorizonMs == 0:
		return now.Add(-time.Since(l.at))
	}
	return time.UnixMilli(l.reply.ReadHorizonMs)
}

// Age returns how old the picture is; it grows while the root has no leader.
func (l *Live) Age(now time.Time) time.Duration {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return now.Sub(l.at)
}
