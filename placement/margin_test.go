package placement

import (
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// survives reports by trying all choices whether k shards are left after any
// zones zones and any nodes more nodes are lost. places are the disks of each
// slot, all of which are needed.
func survives(top *Topology, k int, places [][]DiskID, zones, nodes int) bool {
	var lose func(dead map[int32]bool, level Level, n int, then func(map[int32]bool) bool) bool
	count := map[Level]int{LevelZone: len(top.zones), LevelNode: len(top.nodes)}
	lose = func(dead map[int32]bool, level Level, n int, then func(map[int32]bool) bool) bool {
		if n == 0 {
			return then(dead)
		}
		for d := range int32(count[level]) {
			if !dead[d] {
				dead[d] = true
				ok := lose(dead, level, n-1, then)
				delete(dead, d)
				if !ok {
					return false
				}
			}
		}
		return true
	}
	return lose(map[int32]bool{}, LevelZone, min(zones, len(top.zones)), func(zs map[int32]bool) bool {
		return lose(map[int32]bool{}, LevelNode, min(nodes, len(top.nodes)), func(ns map[int32]bool) bool {
			left := 0
			for _, disks := range places {
				ok := len(disks) > 0
				for _, d := range disks {
					z, known := top.domain(d, LevelZone)
					n, _ := top.domain(d, LevelNode)
					ok = ok && known && !zs[z] && !ns[n]
				}
				if ok {
					left++
				}
			}
			return left >= k
		})
	})
}

// TestMarginIsExact compares the margin with trying every combination: what it
// promises holds, and one more node does not.
func TestMarginIsExact(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		top := drawTopology(t)
		n := min(rapid.IntRange(1, 6).Draw(t, "n"), len(top.Disks()))
		k := rapid.IntRange(1, n).Draw(t, "k")
		perm := rapid.Permutation(top.Disks()).Draw(t, "holders")
		row := PG{Holders: make([]DiskID, n)}
		places := make([][]DiskID, n)
		lost := rapid.SliceOfN(rapid.IntRange(0, 4), n, n).Draw(t, "lost")
		for i, d := range perm[:n] {
			row.Holders[i] = d.ID
			if lost[i] > 0 {
				places[i] = []DiskID{d.ID}
			}
		}
		live := func(d DiskID) bool {
			for i := range row.Holders {
				if row.Holders[i] == d {
					return lost[i] > 0
				}
			}
			return true
		}
		m := rowMargin(top, k, &row, live)
		for z, nodes := range m.After {
			if nodes < 0 {
				require.False(t, survives(top, k, places, z, 0), "%d zones: %+v", z, m)
				continue
			}
			require.True(t, survives(top, k, places, z, nodes), "%d zones: %+v", z, m)
			if nodes < len(top.nodes) {
				require.False(t, survives(top, k, places, z, nodes+1), "%d zones, one more: %+v", z, m)
			}
		}
	})
}

// TestMovingSlotNeedsBothDisks: while a shard moves, its blobs are some at the
// old disk, some at the new one.
func TestMovingSlotNeedsBothDisks(t *testing.T) {
	top := uniform(3, 2, 1) // disks 1,2 | 3,4 | 5,6
	all := func(DiskID) bool { return true }
	row := PG{Holders: []DiskID{1, 3, 5}}
	require.Equal(t, [3]int{2, 1, 0}, rowMargin(top, 1, &row, all).After)

	moving, err := row.Begin(Move{Slot: 0, From: 1, To: 4}) // away from zone a, for the test
	require.NoError(t, err)
	require.Equal(t, [3]int{2, 0, -1}, rowMargin(top, 1, &moving, all).After, "zones b and c hold all of the new blobs")

	withoutOld := func(d DiskID) bool { return d != 1 }
	require.Equal(t, 1, rowMargin(top, 1, &moving, withoutOld).Disks, "the old blobs lack a shard until the move is done")
}

func TestMarginWords(t *testing.T) {
	for want, m := range map[string]Margin{
		"survives the loss of 1 zone and 1 more node":                 {After: [3]int{4, 1, -1}, Disks: 5},
		"survives the loss of 1 zone and 2 more nodes, or of 2 zones": {After: [3]int{4, 2, 0}, Disks: 5},
		"survives the loss of 1 zone, no more":                        {After: [3]int{2, 0, -1}, Disks: 2},
		"survives the loss of 2 nodes, not of a zone":                 {After: [3]int{2, -1, -1}, Disks: 2},
		"survives the loss of 1 disk, not of a node":                  {After: [3]int{0, -1, -1}, Disks: 1},
		"no redundancy, survives no loss":                             {After: [3]int{0, -1, -1}},
		"unreadable: too few shards are left":                         {After: [3]int{-1, -1, -1}, Disks: -2},
		"holds nothing":                                               unlimited,
	} {
		require.Equal(t, want, m.String())
	}
}
