package root

import (
	"context"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"cairn/node/fabric"
	"cairn/placement"
)

// A node that the root hears may be cut off from the others, and be of no use to
// them. So the nodes call each other as well: each calls a few others with every
// beat, by chance, and again those that did not answer, and tells the root whom
// it cannot reach. The cost to a node does not grow with the cluster, and a node
// that is cut off is noticed by several within a few beats.
const (
	probesPerBeat = 2
	// accuseAfter is how many calls in a row must fail, outcomeLife how long an
	// outcome counts, maxAccused how many are reported at most.
	accuseAfter = 2
	outcomeLife = 10 * BeatInterval
	maxAccused  = 8
)

// prober remembers whom this node can reach.
type prober struct {
	fabric fabric.Fabric

	mu       sync.Mutex
	outcomes map[placement.NodeID]outcome
}

type outcome struct {
	at       time.Time
	failures int // in a row; 0: the last call was answered
}

// probe makes the calls of one beat. Nodes that are down are left alone: the
// root knows, and a cluster that lost a zone need not call it each second.
func (p *prober) probe(ctx context.Context, view *View, live *Live) {
	var others []placement.NodeID
	for _, n := range view.Nodes() {
		id := placement.NodeID(n.Id)
		if state, _ := live.Node(id); id != p.fabric.Self() && (state == Up || state == Suspect) {
			others = append(others, id)
		}
	}
	ctx, cancel := context.WithTimeout(ctx, BeatInterval)
	defer cancel()
	var wg sync.WaitGroup
	for _, id := range p.choose(others, time.Now()) {
		wg.Go(func() {
			reply, err := p.fabric.Call(ctx, id, MethodPing, &fabric.Message{})
			reply.Release()
			p.note(id, err == nil, time.Now())
		})
	}
	wg.Wait()
}

// choose returns those that did not answer the last time, and some by chance. It
// forgets who is not among the others any more, and what is long ago.
func (p *prober) choose(others []placement.NodeID, now time.Time) (chosen []placement.NodeID) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for id, o := range p.outcomes {
		if now.Sub(o.at) > outcomeLife || !slices.Contains(others, id) {
			delete(p.outcomes, id)
		} else if o.failures > 0 && len(chosen) < maxAccused {
			chosen = append(chosen, id)
		}
	}
	for range min(probesPerBeat, len(others)) {
		if id := others[rand.IntN(len(others))]; !slices.Contains(chosen, id) {
			chosen = append(chosen, id)
		}
	}
	return chosen
}

func (p *prober) note(id placement.NodeID, answered bool, now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	o := outcome{at: now}
	if !answered {
		o.failures = p.outcomes[id].failures + 1
	}
	p.outcomes[id] = o
}

// accused returns the nodes that this one cannot reach. One that reaches fewer
// than half of those it called accuses nobody: it is more likely cut off, or too
// busy, itself.
func (p *prober) accused() (nodes []uint32) {
	p.mu.Lock()
	defer p.mu.Unlock()
	failing := 0
	for id, o := range p.outcomes {
		if o.failures > 0 {
			failing++
		}
		if o.failures >= accuseAfter && len(nodes) < maxAccused {
			nodes = append(nodes, uint32(id))
		}
	}
	if 2*failing > len(p.outcomes) {
		return nil
	}
	slices.Sort(nodes)
	return nodes
}
