package placement

import (
	"math"
	"math/bits"
)

// The margin is found by enumeration, not by a formula: rows of unlike zones,
// with shards under way or two on a node, have none that is simple and right. A
// row has at most 16 shards, so there is little to enumerate.

// maxMixed bounds the moving slots of a row whose combinations are enumerated.
const maxMixed = 6

// rowMargin computes what the row survives. A blob of a moving slot is at the
// old disk, the new one or both, so every combination of old and new counts.
func rowMargin(t *Topology, k int, pg *PG, live func(DiskID) bool) Margin {
	// Of more than maxMixed moving slots the further ones are counted where they go
	// to, which is not exact. It takes the loss of most of a row's disks at once.
	var moving uint16
	for i := range pg.Holders {
		if pg.PrevOf(i) != 0 && bits.OnesCount16(moving) < maxMixed {
			moving |= 1 << i
		}
	}
	m := unlimited
	// All subsets of moving, downwards to the empty one.
	for old := moving; ; old = (old - 1) & moving {
		var s shards
		for i, d := range pg.Holders {
			if old&(1<<i) != 0 {
				d = pg.Prev[i]
			}
			if di, ok := t.diskAt[d]; ok && live(d) {
				s.add(t.nodeOf[di], t.zoneOf[t.nodeOf[di]])
			}
		}
		m = m.And(s.margin(k))
		if old == 0 {
			return m
		}
	}
}

// shards are the live shards of a row by node and zone.
type shards struct {
	// Fixed arrays: margins are taken of every row at every status, and must not
	// allocate.
	n, nodes, zones int
	node, zone      [MaxShards]int32
	onNode, inZone  [MaxShards]int8
	zoneOfNode      [MaxShards]int8 // index into zone
}

func (s *shards) add(node, zone int32) {
	s.n++
	z := 0
	for z < s.zones && s.zone[z] != zone {
		z++
	}
	if z == s.zones {
		s.zone[z] = zone
		s.zones++
	}
	s.inZone[z]++
	i := 0
	for i < s.nodes && s.node[i] != node {
		i++
	}
	if i == s.nodes {
		s.node[i], s.zoneOfNode[i] = node, int8(z)
		s.nodes++
	}
	s.onNode[i]++
}

func (s *shards) margin(k int) Margin {
	// Losing every zone there is leaves nothing, so a row in one zone survives no
	// zone, and one in two zones no two.
	m := Margin{After: [3]int{s.after(k, 0), math.MaxInt, math.MaxInt}, Disks: s.n - k}
	if s.zones < 2 {
		m.After[1], m.After[2] = -1, -1
		return m
	}
	for a := range s.zones {
		m.After[1] = min(m.After[1], s.after(k, 1<<a))
	}
	if m.After[1] < 0 || s.zones < 3 {
		m.After[2] = -1
		return m
	}
	for a := range s.zones {
		for b := range a {
			m.After[2] = min(m.After[2], s.after(k, 1<<a|1<<b))
		}
	}
	return m
}

// after returns how many nodes may be lost on top of the zones in the mask.
func (s *shards) after(k int, lost uint16) int {
	left := s.n
	for z := range s.zones {
		if lost&(1<<z) != 0 {
			left -= int(s.inZone[z])
		}
	}
	if left < k {
		return -1
	}
	// The worst nodes to lose are those with the most shards: taking them greedily
	// is exact, as nodes do not overlap.
	var withCount [MaxShards + 1]int
	for i := range s.nodes {
		if lost&(1<<s.zoneOfNode[i]) == 0 {
			withCount[s.onNode[i]]++
		}
	}
	nodes := 0
	for c := MaxShards; c > 0; c-- {
		for range withCount[c] {
			if left -= c; left < k {
				return nodes
			}
			nodes++
		}
	}
	return nodes
}
