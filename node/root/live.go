package root

import (
	"sync"
	"time"

	"cairn/placement"
	pb "cairn/proto"
)

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
