package node

import "cairn/node/raftgroup"

// Settled reports whether each group that one of the nodes leads has the voters
// that the map wants; before that, losing the founder may lose a majority. A
// group without a leader has lost its majority already, and waiting does not
// bring it back.
func Settled(nodes []*Node) bool {
	for _, n := range nodes {
		for _, g := range n.Groups() {
			want := n.Root().View().GroupMembers(uint32(g.ID()))
			if g.IsLeader() && countVoters(g.Members()) < len(want) {
				return false
			}
		}
	}
	return true
}

func countVoters(members []raftgroup.Member) (n int) {
	for _, m := range members {
		if m.Voter {
			n++
		}
	}
	return n
}
