package placement

import "math"

// Spreading a row over zones. A zone is filled in tiers: what keeps "one zone
// and one more" survivable comes first, even at the price of two shards on one
// node, then what keeps one zone survivable, then what is possible at all.
const (
	// The odd tiers between are those of zones without a free node.
	tierNone     = 6 // no disk left
	tierBestEven = 0
)

// tier ranks adding a shard to a zone that has count shards of the row, nodes
// usable nodes without one and disks usable disks without one. Lower is better.
func tier(count, m, nodes, disks int) int {
	if disks <= 0 {
		return tierNone
	}
	t := tierBestEven
	// Losing the zone loses count+1 shards. With m-1 or fewer another node may go
	// on top; with m, none; with more, the row does not survive the zone.
	switch {
	case count+1 <= m-1:
	case count+1 <= m:
		t = 2
	default:
		t = 4
	}
	if nodes <= 0 {
		t++
	}
	return t
}

// census counts, by zone, what a row without one of its slots has: its shards,
// and its nodes and disks among those of the pools.
type census struct {
	shards, nodes, disks []int
}

func newCensus(zones int) census {
	return census{make([]int, zones), make([]int, zones), make([]int, zones)}
}

// take fills the census for row (disk indexes, -1 for none) without slot.
func (c *census) take(t *Topology, ps *pools, row []int32, slot int) {
	clear(c.shards)
	clear(c.nodes)
	clear(c.disks)
	for i, d := range row {
		if d < 0 || i == slot {
			continue
		}
		node := t.nodeOf[d]
		z := t.zoneOf[node]
		c.shards[z]++
		if ps.weight[d] > 0 {
			c.disks[z]++
		}
		if ps.usable[node] && !nodeIn(t, row[:i], slot, node) {
			c.nodes[z]++
		}
	}
}

// nodeIn reports whether a disk of row, slot aside, is on node.
func nodeIn(t *Topology, row []int32, slot int, node int32) bool {
	for i, d := range row {
		if i != slot && d >= 0 && t.nodeOf[d] == node {
			return true
		}
	}
	return false
}

// rank orders zones for one more shard: by tier, then by the shards they have.
// The result is comparable; math.MaxInt means that the zone has no room.
func (c *census) rank(ps *pools, z, m int) int {
	p := &ps.zones[z]
	t := tier(c.shards[z], m, p.nodes-c.nodes[z], len(p.disks)-c.disks[z])
	if t == tierNone {
		return math.MaxInt
	}
	// Within a tier the emptier zone comes first, which fills zones evenly.
	return t*(MaxShards+1) + c.shards[z]
}

// best returns the zone of the lowest rank, first of equals in the order
// first, first+1, …; -1 if none has room.
func (c *census) best(ps *pools, m, first int) int {
	best, bestRank := -1, math.MaxInt
	// Equal zones must take turns, or the first would get the odd shard of each row.
	for i := range ps.zones {
		z := (first + i) % len(ps.zones)
		if r := c.rank(ps, z, m); r < bestRank {
			best, bestRank = z, r
		}
	}
	return best
}

// rankHere is the rank that the shard in slot has where it is.
func (c *census) rankHere(t *Topology, row []int32, slot, m int) int {
	node := t.nodeOf[row[slot]]
	z := t.zoneOf[node]
	free := 1
	if nodeIn(t, row, slot, node) {
		free = 0
	}
	return tier(c.shards[z], m, free, 1)*(MaxShards+1) + c.shards[z]
}
