package placement

import (
	"cmp"
	"slices"
)

// Rendezvous hashing, or drawing by weight, leaves the fullest disk about half
// fuller than the mean, and the fullest disk decides what a cluster can hold: a
// third of it would never be used. Moving a few slots afterwards brings all disks
// close to their share. Only explicit rows make that possible (docs/design).

// balance moves slots from disks above their target to disks of the same zone
// below theirs, and calls moved for each. It never makes a row's spread worse.
func (g *group) balance(moved func(r, slot int)) {
	ps := g.pools(anywhere)
	b := balancer{group: g, slots: g.slotsByDisk(), moved: moved}
	for z := range ps.zones {
		if len(ps.zones[z].disks) > 1 {
			b.zone(ps, z)
		}
	}
}

// A move stays within its zone: how a row lies over zones is what it survives,
// and is settled before (see spread).

// slotIndex lists the slots (row*n+slot) of each disk.
type slotIndex struct {
	// Flat, as a cluster has millions of slots. It is not kept up to date: a slot
	// that has moved on is recognised by at, and a slot that came is not moved twice.
	start []int32 // by disk index, one more than disks
	slots []int32
}

func (x *slotIndex) of(d int32) []int32 { return x.slots[x.start[d]:x.start[d+1]] }

func (g *group) slotsByDisk() *slotIndex {
	x := &slotIndex{start: make([]int32, len(g.t.disks)+1), slots: make([]int32, len(g.at))}
	for d, n := range g.load {
		x.start[d+1] = x.start[d] + n
	}
	next := slices.Clone(x.start)
	for cell, d := range g.at {
		if d >= 0 {
			x.slots[next[d]] = int32(cell)
			next[d]++
		}
	}
	return x
}

// balancer is one run of balance.
type balancer struct {
	*group
	slots  *slotIndex
	moved  func(r, slot int)
	target map[int32]int32 // of the zone at hand
	takers *takers
}

func (b *balancer) over(d int32) int32 { return b.load[d] - b.target[d] }

func (b *balancer) zone(ps *pools, z int) {
	b.target = b.targets(ps, z, b.load)
	disks := slices.Clone(ps.zones[z].disks)
	slices.SortFunc(disks, func(x, y int32) int { return cmp.Or(cmp.Compare(b.over(y), b.over(x)), cmp.Compare(x, y)) })
	b.takers = newTakers(disks, b.over)
	// Fullest first: the targets add up to the slots, so what the first disks give
	// away is just what the last ones lack.
	for _, d := range disks {
		for b.over(d) > 0 && b.unload(d) {
		}
	}
}

// Most slots fit on the emptiest disk; those that do not, because the row has a
// shard there or on its node, fit on one of the next. To look further would cost
// a large cluster much and gain little.

// takerTries bounds how many under-full disks are tried for one slot.
const takerTries = 16

// unload moves one slot of d to one of the emptiest disks that may take it.
func (b *balancer) unload(d int32) bool {
	slots := b.slots.of(d)
	for _, to := range b.takers.emptiest(takerTries) {
		if b.over(to) >= 0 {
			return false
		}
		// Where the search begins differs by pair of disks, or the first rows of a
		// disk would be moved each time and the last ones never.
		start := int(mix(uint64(d), uint64(to)) % uint64(len(slots)))
		for i := range slots {
			cell := slots[(start+i)%len(slots)]
			r, slot := int(cell)/b.n, int(cell)%b.n
			if b.at[cell] == d && b.mayMove(r, slot, to) {
				b.set(r, slot, to)
				b.touched[r] |= 1 << slot
				b.takers.fix(to)
				b.takers.fix(d)
				b.moved(r, slot)
				return true
			}
		}
	}
	return false
}

// mayMove reports whether slot of row r may go to disk d of the same zone: the
// slot has not moved yet, d has no shard of the row, and d's node then has no
// more of them than the old node had, or one.
func (g *group) mayMove(r, slot int, d int32) bool {
	row := g.row(r)
	if g.touched[r]&(1<<slot) != 0 || holds(row, d) {
		return false
	}
	from, to := g.t.nodeOf[row[slot]], g.t.nodeOf[d]
	// Balance must not cost what spread has won.
	if had := g.shared(row, slot, from); g.shared(row, slot, to) > had {
		return false
	}
	return g.homeOf(r).allows(g.t, d)
}
