package node

import (
	"context"
	"time"

	"cairn/node/raftgroup"
	"cairn/node/root"
	"cairn/placement"
)

// A node can lead and be of no use: it reaches its followers, so it stays their
// leader, but they and the gateways do not reach it, as behind a firewall that
// lets calls through in one direction. Raft does not notice. Such a node hands
// over what it leads.

// handOver gives away the leaderships that this node should not have.
func (n *Node) handOver(ctx context.Context) {
	for _, g := range n.Groups() {
		if !g.IsLeader() || countVoters(g.Members()) < 2 || !n.cutOff(g) {
			continue
		}
		to := n.successor(g)
		n.log.Warn("others cannot reach this node; it hands a group over", "group", g.ID(), "to", to)
		tctx, cancel := context.WithTimeout(ctx, 5*time.Second)
		if err := g.TransferLeadership(tctx, to); err != nil && ctx.Err() == nil {
			n.log.Warn("the group was not handed over", "group", g.ID(), "err", err)
		}
		cancel()
	}
}

// cutOff reports whether others cannot reach this node. The root's leader does
// not hear their accusations, nor their beats. Every other node hears of it with
// the answer to its beat: one that spoke just now is suspect only if accused.
func (n *Node) cutOff(g *raftgroup.Group) bool {
	if g.ID() == root.Group && n.rootServer.Deaf(n.id.Node) {
		return true
	}
	live := n.root.Live()
	state, _ := live.Node(n.id.Node)
	return state == root.Suspect && live.Age(time.Now()) < 2*root.BeatInterval
}

// successor returns another voter that is up; 0, which lets Raft choose, if none
// is known.
func (n *Node) successor(g *raftgroup.Group) placement.NodeID {
	for _, m := range g.Members() {
		if state, _ := n.root.Live().Node(m.Node); m.Voter && m.Node != n.id.Node && state == root.Up {
			return m.Node
		}
	}
	return 0
}
