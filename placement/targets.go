package placement

import (
	"cmp"
	"math"
	"slices"
)

// targets returns how many of the zone's slots each of its disks should have,
// by disk index: by weight, but no node more than it can have without sharing
// more rows than others must, and no disk more than one slot a row. They are
// whole and add up to the slots there are; the odd ones stay where they are, if
// they can, so that they cost no move. load is what the disks have.
func (g *group) targets(ps *pools, zone int, load []int32) map[int32]int32 {
	// A weight alone may ask for what no placement can give: a node with half of a
	// zone's capacity cannot hold half of its shards if each row may have one there.
	// Balancing towards such a target would never end, and leave the others uneven.
	slots, rows, most := g.zoneSlots(ps, zone)
	p := &ps.zones[zone]
	nodes, byNode := g.t.byNode(p.disks)
	weight := func(d int32) float64 { return ps.weight[d] }
	nodeWeight := func(n int32) (w float64) {
		for _, d := range byNode[n] {
			w += ps.weight[d]
		}
		return w
	}
	// With fewer nodes than shards a row must share; then the limit is what evenly
	// shared rows need.
	shared := 1
	if len(nodes) > 0 {
		shared = (most + len(nodes) - 1) / len(nodes)
	}
	exact := make(map[int32]float64, len(p.disks))
	for i, share := range waterfill(float64(slots), nodes, nodeWeight, float64(rows*shared)) {
		disks := byNode[nodes[i]]
		for j, s := range waterfill(share, disks, weight, float64(rows)) {
			exact[disks[j]] = s
		}
	}
	return wholes(slots, p.disks, exact, load)
}

// byNode sorts disks by their nodes, which are returned in the order met.
func (t *Topology) byNode(disks []int32) (nodes []int32, of map[int32][]int32) {
	of = make(map[int32][]int32)
	for _, d := range disks {
		n := t.nodeOf[d]
		if of[n] == nil {
			nodes = append(nodes, n)
		}
		of[n] = append(of[n], d)
	}
	return nodes, of
}

// wholes rounds exact targets to whole ones that add up to slots.
func wholes(slots int, disks []int32, exact map[int32]float64, load []int32) map[int32]int32 {
	// Fractions are given to the disks that have the slot already, then to those
	// that miss it most, then by number, so that the same load has the same targets
	// in every process and a balanced cluster stays as it is.
	out := make(map[int32]int32, len(disks))
	var odd []int32
	for _, d := range disks {
		whole := math.Floor(exact[d] + 1e-6)
		out[d] = int32(whole)
		slots -= int(whole)
		if exact[d]-whole > 1e-6 {
			odd = append(odd, d)
		}
	}
	above := func(d int32) int32 { return load[d] - out[d] }
	slices.SortFunc(odd, func(a, b int32) int {
		return cmp.Or(cmp.Compare(min(above(b), 1), min(above(a), 1)), cmp.Compare(exact[b]-float64(out[b]), exact[a]-float64(out[a])), cmp.Compare(a, b))
	})
	for _, d := range odd[:max(0, min(slots, len(odd)))] {
		out[d]++
	}
	return out
}

// zoneSlots counts the group's slots on disks of a zone's pool, the rows that
// have any there, and the most that one row has.
func (g *group) zoneSlots(ps *pools, zone int) (slots, rows, most int) {
	for r := range g.rows {
		n := 0
		for _, d := range g.row(r) {
			if d >= 0 && ps.weight[d] > 0 && int(g.t.zoneOf[g.t.nodeOf[d]]) == zone {
				n++
			}
		}
		slots += n
		most = max(most, n)
		if n > 0 {
			rows++
		}
	}
	return slots, rows, most
}

// Each round fixes at least one key at the limit or ends, so there are at most as
// many rounds as keys.

// waterfill divides total among keys by weight, none above limit while others
// have room.
func waterfill(total float64, keys []int32, weight func(int32) float64, limit float64) []float64 {
	out := make([]float64, len(keys))
	full := make([]bool, len(keys))
	for {
		var w float64
		rest := total
		for i, k := range keys {
			if full[i] {
				rest -= limit
			} else {
				w += weight(k)
			}
		}
		again := false
		for i, k := range keys {
			if full[i] {
				continue
			}
			if out[i] = rest * weight(k) / w; out[i] > limit {
				out[i], full[i], again = limit, true, true
			}
		}
		if !again {
			return out
		}
	}
}
