package placement

// The balancer asks for the emptiest disks once for each slot it moves, hundreds
// of thousands of times when a large cluster grows: sorting anew each time would
// be quadratic. It also has to know where a disk is in the heap, for fix.

// takers is a heap of disks by how far they are below their target; the
// emptiest is on top.
type takers struct {
	heap []int32
	pos  map[int32]int
	over func(int32) int32
	out  []int32 // scratch of emptiest
}

func newTakers(disks []int32, over func(int32) int32) *takers {
	t := &takers{pos: make(map[int32]int, len(disks)), over: over}
	for i := len(disks) - 1; i >= 0; i-- { // disks come fullest first
		t.pos[disks[i]] = len(t.heap)
		t.heap = append(t.heap, disks[i])
	}
	return t
}

func (t *takers) less(i, j int) bool {
	a, b := t.heap[i], t.heap[j]
	x, y := t.over(a), t.over(b)
	return x < y || x == y && a < b
}

// fix restores the order after d became fuller or emptier.
func (t *takers) fix(d int32) {
	i := t.pos[d]
	for i > 0 && t.less(i, (i-1)/2) {
		t.swap(i, (i-1)/2)
		i = (i - 1) / 2
	}
	for {
		c := 2*i + 1
		if c >= len(t.heap) {
			return
		}
		if c+1 < len(t.heap) && t.less(c+1, c) {
			c++
		}
		if !t.less(c, i) {
			return
		}
		t.swap(i, c)
		i = c
	}
}

func (t *takers) swap(i, j int) {
	t.heap[i], t.heap[j] = t.heap[j], t.heap[i]
	t.pos[t.heap[i]], t.pos[t.heap[j]] = i, j
}

// emptiest returns up to n disks, the emptiest first. The slice is valid until
// the next call.
func (t *takers) emptiest(n int) []int32 {
	// A heap's next smallest is always a child of one that was taken, so only the
	// frontier is looked at, not the heap.
	t.out = t.out[:0]
	frontier := []int{0}
	for len(t.out) < n && len(frontier) > 0 {
		best := 0
		for k := range frontier {
			if t.less(frontier[k], frontier[best]) {
				best = k
			}
		}
		i := frontier[best]
		frontier[best] = frontier[len(frontier)-1]
		frontier = frontier[:len(frontier)-1]
		t.out = append(t.out, t.heap[i])
		for c := 2*i + 1; c <= 2*i+2 && c < len(t.heap); c++ {
			frontier = append(frontier, c)
		}
	}
	return t.out
}
