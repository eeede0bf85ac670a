package placement

import "sort"

// home limits where the shards of a row may be: everywhere, in one zone (the
// one-zone class), or everywhere but in one zone or node (fallback rows).
type home struct {
	only, without int32 // zone indexes, -1 for none
	withoutNode   int32 // node index, -1 for none
}

var anywhere = home{only: -1, without: -1, withoutNode: -1}

// pools are the disks that may take new shards, by zone.
type pools struct {
	home   home
	zones  []pool // by zone index
	usable []bool // by node index: has a disk in a pool
	weight []float64
}

// pool is one zone's disks. cum[i] is the weight of disks[:i+1], for drawing.
type pool struct {
	disks []int32
	cum   []float64
	nodes int
}

func newPools(t *Topology, h home) *pools {
	p := &pools{
		home: h, zones: make([]pool, len(t.zones)),
		usable: make([]bool, len(t.nodes)), weight: make([]float64, len(t.disks)),
	}
	for i := range t.disks {
		d, node := int32(i), t.nodeOf[i]
		z := t.zoneOf[node]
		w := t.weight(d)
		// Draining and avoided disks weigh nothing: they take no shards, but those that
		// they have stay counted.
		if w == 0 || !h.allows(t, d) {
			continue
		}
		p.weight[d] = w
		zp := &p.zones[z]
		if n := len(zp.cum); n > 0 {
			w += zp.cum[n-1]
		}
		zp.disks, zp.cum = append(zp.disks, d), append(zp.cum, w)
		if !p.usable[node] {
			p.usable[node] = true
			zp.nodes++
		}
	}
	return p
}

// draw returns a disk with a probability proportional to its weight; h is a
// hash.
func (p *pool) draw(h uint64) int32 {
	// 53 bits of the hash, as many as a float has.
	x := float64(h>>11) / (1 << 53) * p.cum[len(p.cum)-1]
	i := sort.Search(len(p.cum), func(i int) bool { return p.cum[i] > x })
	return p.disks[min(i, len(p.disks)-1)]
}

// live returns how many zones and disks can take shards.
func (p *pools) live() (zones, nodes, disks int) {
	for _, z := range p.zones {
		if len(z.disks) > 0 {
			zones++
		}
		nodes += z.nodes
		disks += len(z.disks)
	}
	return zones, nodes, disks
}

// mix hashes numbers (splitmix64 over a running state). Rows are rebuilt from
// it in tests and tools, never compared between versions, so it may change.
func mix(xs ...uint64) uint64 {
	var h uint64 = 0x9e3779b97f4a7c15
	for _, x := range xs {
		h += x + 0x9e3779b97f4a7c15
		h = (h ^ h>>30) * 0xbf58476d1ce4e5b9
		h = (h ^ h>>27) * 0x94d049bb133111eb
		h ^= h >> 31
	}
	return h
}
