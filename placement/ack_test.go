package placement

import (
	"math/bits"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// TestAckedMinimum states how many shards a degraded write needs in a healthy
// layout: the figures of the design.
func TestAckedMinimum(t *testing.T) {
	for _, c := range []struct {
		name         string
		zones, nodes int
		policy       int
		fewest       int // some choice of so many acked shards is enough
		always       int // any choice of so many is
	}{
		{"3 copies on three nodes", 3, 1, 0, 2, 2},
		{"RS(3,3)", 3, 2, 0, 5, 5},
		{"RS(5,4)", 3, 3, 0, 8, 8},
		{"RS(7,5)", 3, 4, 0, 11, 11},
		{"RS(4,2), economy, acked at node level", 3, 2, 2, 5, 5},
	} {
		top := uniform(c.zones, c.nodes, 1)
		p := must(ChoosePolicies(top))[c.policy]
		row, ok := sampleRow(top, p, newPools(top, anywhere), 1)
		require.True(t, ok)
		fewest, refused := p.N(), 0
		for mask := range uint16(1 << p.N()) {
			n := bits.OnesCount16(mask)
			if p.Acked(&row, top, mask) {
				fewest = min(fewest, n)
			} else {
				refused = max(refused, n)
			}
		}
		require.Equal(t, c.fewest, fewest, c.name)
		require.Equal(t, c.always-1, refused, c.name)
	}
}

// TestAckedSurvivesAnyDomain compares the rule with what it is for: k acked
// shards outside any one domain.
func TestAckedSurvivesAnyDomain(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		top := drawTopology(t)
		n := min(rapid.IntRange(1, MaxShards).Draw(t, "n"), len(top.Disks()))
		p := Policy{K: uint8(rapid.IntRange(1, n).Draw(t, "k"))}
		p.M = uint8(n) - p.K
		level := Level(rapid.IntRange(1, 3).Draw(t, "level"))
		perm := rapid.Permutation(top.Disks()).Draw(t, "holders")
		row := PG{}
		for _, d := range perm[:n] {
			row.Holders = append(row.Holders, d.ID)
		}
		mask := rapid.Uint16().Draw(t, "acked")

		want := true
		for _, lost := range perm {
			dead, _ := top.domain(lost.ID, level)
			left := 0
			for i, d := range row.Holders {
				if dom, _ := top.domain(d, level); mask&(1<<i) != 0 && dom != dead {
					left++
				}
			}
			want = want && left >= int(p.K)
		}
		if p.M == 0 {
			want = bits.OnesCount16(mask&(1<<n-1)) == n
		}
		require.Equal(t, want, p.AckedAt(level, &row, top, mask))
	})
}
