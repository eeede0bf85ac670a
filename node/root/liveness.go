package root

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"cairn/node/fabric"
	"cairn/node/raftgroup"
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
	Suspect Liveness = 1 // silent for 3 s, or unreachable from two zones: writers avoid it
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
	deafAfter    = 6 * time.Second // a leader that hears nobody else so long is cut off itself
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
	zone        string   // known while unreachable is not empty
	unreachable []uint32 // peers that the node cannot reach
	disks       []*pb.DiskBeat
	fallbacks   []uint32 // fallback groups that its disks have shards of
}

func newBeats() *beats { return &beats{nodes: map[placement.NodeID]*nodeBeat{}} }

// heartbeat takes a node's beat and answers with the liveness of all. Only the
// leader answers: two opinions would be one too many.
func (s *Server) heartbeat(_ context.Context, from fabric.Peer, req *fabric.Message) (*fabric.Message, error) {
	var r pb.HeartbeatRequest
	if err := decode(req, &r); err != nil {
		return nil, err
	}
	if from.Node != placement.NodeID(r.Node) {
		return nil, store.Errorf(store.KindDenied, "heartbeat", "node %d speaks for node %d", from.Node, r.Node)
	}
	g, err := s.replica()
	if err != nil {
		return nil, err
	}
	if !g.IsLeader() {
		l, _ := g.Leader()
		return nil, notLeader(l)
	}
	zone := ""
	if len(r.Unreachable) > 0 {
		if zone, err = zoneOf(g, r.Node); err != nil {
			return nil, err
		}
	}
	reply := s.beats.take(&r, zone, g.Stats().Term, time.Now())
	reply.Epoch = s.feed.now()
	return encode(reply)
}

// zoneOf reads a node's zone from the rows of this replica.
func zoneOf(g *raftgroup.Group, node uint32) (string, error) {
	snap, err := g.ReadLocal()
	if err != nil {
		return "", err
	}
	defer snap.Close()
	v, ok, err := snap.Get(keyU32(colNode, node))
	if err != nil || !ok {
		return "", err
	}
	var row pb.NodeRow
	err = decodeRow(v, &row)
	return row.Zone, err
}

// take records one beat and returns the picture.
func (b *beats) take(r *pb.HeartbeatRequest, zone string, term uint64, now time.Time) *pb.HeartbeatReply {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.leadLocked(term, now)
	n := b.nodes[placement.NodeID(r.Node)]
	if n == nil {
		n = &nodeBeat{since: now}
		b.nodes[placement.NodeID(r.Node)] = n
	}
	n.heard, n.oldestRead, n.disks = now, r.OldestReadMs, r.Disks
	n.unreachable = r.Unreachable[:min(len(r.Unreachable), maxAccused)]
	n.zone, n.fallbacks = zone, r.UsedFallbacks
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
	case silent >= suspectAfter, b.accusedLocked(id):
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

// Deaf reports whether this replica leads and hears nobody but its own node:
// though it leads, which takes answers of others, their calls do not arrive.
func (s *Server) Deaf(self placement.NodeID) bool {
	return s.leads() && s.beats.hearsOnly(self, time.Now())
}

// hearsOnly reports whether all beats of the last deafAfter are one node's.
func (b *beats) hearsOnly(self placement.NodeID, now time.Time) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if now.Sub(b.began) < deafAfter {
		return false
	}
	for id, n := range b.nodes {
		if id != self && now.Sub(n.heard) < deafAfter {
			return false
		}
	}
	return true
}

// accusedLocked reports whether nodes of two zones say that they cannot reach id.
// One node, or one zone, may be cut off itself: its word takes nobody down.
func (b *beats) accusedLocked(id placement.NodeID) bool {
	first := ""
	for other, n := range b.nodes {
		if other == id || n.state != Up || n.zone == "" || !slices.Contains(n.unreachable, uint32(id)) {
			continue
		}
		if first != "" && n.zone != first {
			return true
		}
		first = n.zone
	}
	return false
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
