package placement

import (
	"cmp"
	"slices"
)

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

// slotIndex lists the slots (row*n+slot) of each disk.
type slotIndex struct {
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
	for _, d := range disks {
		for b.over(d) > 0 && b.unload(d) {
		}
	}
}

// takerTries bounds how many under-full disks are tried for one slot.
const takerTries = 16

// unload moves one slot of d to one of the emptiest disks that may take it.
func (b *balancer) unload(d int32) bool {
	slots := b.slots.of(d)
	for _, to := range b.takers.emptiest(takerTries) {
		if b.over(to) >= 0 {
			return false
		}
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
	if had := g.shared(row, slot, from); g.shared(row, slot, to) > had {
		return false
	}
	return g.homeOf(r).allows(g.t, d)
}
