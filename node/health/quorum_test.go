package health

import (
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// TestQuorumMargin compares the margin with trying out every choice of zones and
// nodes to lose.
func TestQuorumMargin(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		zones := rapid.IntRange(1, 4).Draw(t, "zones")
		votes := map[string]int{}
		var alive []int // zone of each voter that takes part
		for z := range zones {
			n := rapid.IntRange(0, 3).Draw(t, "alive")
			for range n {
				alive = append(alive, z)
			}
			if n > 0 {
				votes[string(rune('a'+z))] = n
			}
		}
		voters := len(alive) + rapid.IntRange(0, 3).Draw(t, "silent")
		if voters == 0 {
			return
		}
		m := quorumMargin(voters, votes)
		require.Equal(t, len(alive) > voters/2, m.Disks >= 0, "quorum")
		if m.Disks < 0 {
			return
		}
		require.Equal(t, mostNodes(voters, alive, 0), m.After[0])
		if len(votes) > 1 {
			worst := len(alive)
			for z := range zones {
				worst = min(worst, mostNodes(voters, alive, 1<<z))
			}
			require.Equal(t, worst, m.After[1])
		}
	})
}

// mostNodes is how many of any nodes may go once the zones in the mask have,
// -1 if those may not.
func mostNodes(voters int, alive []int, lost int) int {
	left := 0
	for _, z := range alive {
		if lost&(1<<z) == 0 {
			left++
		}
	}
	n := -1
	for ; left > voters/2; left-- {
		n++
	}
	return n
}
