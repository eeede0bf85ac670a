package node

import (
	"slices"

	"cairn/node/raftgroup"
)

// Settled reports whether each group of which a majority of the voters is on some
// of the nodes has a leader there, and all the voters that the map wants; before
// that, losing the founder may lose a majority. A group without its majority is
// not waited for: waiting does not bring it back.
func Settled(nodes []*Node) bool {
	if len(nodes) == 0 {
		return true
	}
	view := nodes[0].Root().View()
	for _, row := range view.Groups() {
		members := view.GroupNodes(row.Id)
		here := 0
		for _, n := range nodes {
			if slices.Contains(members, n.ID()) {
				here++
			}
		}
		if 2*here > len(members) && !led(nodes, raftgroup.GroupID(row.Id), len(members)) {
			return false
		}
	}
	return true
}

// led reports whether one of the nodes leads a group with so many voters.
func led(nodes []*Node, id raftgroup.GroupID, voters int) bool {
	return slices.ContainsFunc(nodes, func(n *Node) bool {
		return slices.ContainsFunc(n.Groups(), func(g *raftgroup.Group) bool {
			return g.ID() == id && g.IsLeader() && countVoters(g.Members()) >= voters
		})
	})
}

func countVoters(members []raftgroup.Member) (n int) {
	for _, m := range members {
		if m.Voter {
			n++
		}
	}
	return n
}
