package blob

import (
	"sync"
	"time"

	"cairn/node/data"
	"cairn/placement"
	"cairn/store"
)

// avoidFor is how long a node that could not be reached is avoided by this
// process, before the cluster has made up its mind about it.
const avoidFor = 2 * time.Second

// peers is what this process has seen of the data nodes itself.
type peers struct {
	mu     sync.Mutex
	nodes  map[placement.NodeID]*peerStat
	change uint64 // counts the nodes that came to be avoided, or slow
}

type peerStat struct {
	avoidUntil time.Time     // it could not be reached
	slowUntil  time.Time     // it made a put wait
	read       time.Duration // moving average of read latency
	spread     time.Duration // moving average of its deviation
}

func (p *peers) statLocked(n placement.NodeID) *peerStat {
	if p.nodes == nil {
		p.nodes = map[placement.NodeID]*peerStat{}
	}
	s := p.nodes[n]
	if s == nil {
		s = &peerStat{}
		p.nodes[n] = s
	}
	return s
}

// failed notes that a call did not get through.
func (p *peers) failed(n placement.NodeID, now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := p.statLocked(n)
	if !now.Before(s.avoidUntil) {
		p.change++
	}
	s.avoidUntil = now.Add(avoidFor)
}

// notReached reports whether err says that the node, not just its disk, is away.
func notReached(err error) bool {
	return (store.Is(err, store.KindUnavailable) || store.Is(err, store.KindTimeout)) && store.ReasonOf(err) != data.ReasonNoDisk
}

// changes tells whether a table is older than the newest failure.
func (p *peers) changes() uint64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.change
}

// lagged notes that a node made a put wait. Unlike one that cannot be reached it
// is written to all the same when there is nothing better: under load all disks
// are slow at times.
func (p *peers) lagged(n placement.NodeID, now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := p.statLocked(n)
	if !now.Before(s.slowUntil) {
		p.change++
	}
	s.slowUntil = now.Add(avoidFor)
}

// slow reports whether the node made a put wait just now.
func (p *peers) slow(n placement.NodeID, now time.Time) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := p.nodes[n]
	return s != nil && now.Before(s.slowUntil)
}

// avoided reports whether a call to the node failed just now.
func (p *peers) avoided(n placement.NodeID, now time.Time) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := p.nodes[n]
	return s != nil && now.Before(s.avoidUntil)
}

// readTook adds a read to the node's averages (RFC 6298's estimator).
func (p *peers) readTook(n placement.NodeID, d time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := p.statLocked(n)
	s.avoidUntil = time.Time{}
	if s.read == 0 {
		s.read, s.spread = d, d/2
		return
	}
	s.spread += (max(d-s.read, s.read-d) - s.spread) / 4
	s.read += (d - s.read) / 8
}

// hedgeAfter is when a read of the node counts as late.
func (p *peers) hedgeAfter(n placement.NodeID) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := p.nodes[n]
	if s == nil || s.read == 0 {
		return maxHedge
	}
	return min(max(s.read+4*s.spread, minHedge), maxHedge)
}

// Bounds of the patience with one read.
const (
	minHedge = 20 * time.Millisecond
	maxHedge = 300 * time.Millisecond
)
