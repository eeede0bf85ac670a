package arena

import (
	"slices"
	"sync"
	"sync/atomic"
)

// slotRef names a slot.
type slotRef struct {
	span  *span
	index int
}

// class is the free list of one size.
type class struct {
	mu struct {
		sync.Mutex
		free   []slotRef // last in, first out: the warmest slot is reused
		fresh  *span     // the span that untouched slots are cut from
		next   int       // the first untouched slot of fresh
		mapped int       // bytes
		out    int       // slots
	}
}

var (
	classes [numClasses]class

	// spans is replaced, never changed, so that Put searches it without a lock.
	// growMu orders the replacements.
	spans  atomic.Pointer[[]*span]
	growMu sync.Mutex

	oversized atomic.Int64
)

// Get returns a buffer of length n with arbitrary contents and whatever
// capacity its class has. Give it back with [Put].
func Get(n int) []byte {
	if n > MaxBuffer {
		oversized.Add(1)
		return make([]byte, n)
	}
	id := classOf(n)
	return classes[id].get(id)[:n]
}

func (c *class) get(id int) []byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.mu.out++
	if n := len(c.mu.free); n > 0 {
		ref := c.mu.free[n-1]
		c.mu.free = c.mu.free[:n-1]
		ref.span.used[ref.index] = 1
		return ref.span.slot(ref.index)
	}
	if c.mu.fresh == nil || c.mu.next == len(c.mu.fresh.used) {
		c.growLocked(id)
	}
	s, i := c.mu.fresh, c.mu.next
	c.mu.next++
	s.used[i] = 1
	s.populate(i)
	return s.slot(i)
}

// growLocked maps a span and makes room in the free list for its slots, so that
// Put never allocates.
func (c *class) growLocked(id int) {
	s := newSpan(id)
	c.mu.fresh, c.mu.next = s, 0
	c.mu.mapped += len(s.mem)
	c.mu.free = slices.Grow(c.mu.free, c.mu.mapped/classSize(id))

	growMu.Lock()
	defer growMu.Unlock()
	var all []*span
	if old := spans.Load(); old != nil {
		all = slices.Clone(*old)
	}
	i, _ := slices.BinarySearchFunc(all, s.base, func(e *span, p uintptr) int {
		if e.base < p {
			return -1
		}
		return 1
	})
	all = slices.Insert(all, i, s)
	spans.Store(&all)
}

// Put takes back a buffer that [Get] returned, resliced or not. The caller must
// hold no other slice of it. Buffers from elsewhere are ignored; a second Put of
// the same buffer panics.
func Put(b []byte) {
	all := spans.Load()
	if cap(b) == 0 || all == nil {
		return
	}
	p := address(b)
	s := findSpan(*all, p)
	if s == nil {
		return
	}
	i := int(p-s.base) / classSize(s.class)
	if poison {
		fill(s.slot(i))
	}
	c := &classes[s.class]
	c.mu.Lock()
	defer c.mu.Unlock()
	if s.used[i] == 0 {
		panic("arena: buffer freed twice")
	}
	s.used[i] = 0
	c.mu.out--
	c.mu.free = append(c.mu.free, slotRef{s, i})
}

// Owns reports whether b lies in the arena.
func Owns(b []byte) bool {
	all := spans.Load()
	return cap(b) > 0 && all != nil && findSpan(*all, address(b)) != nil
}

// fill overwrites a freed buffer with a pattern that no format starts with.
func fill(b []byte) {
	for i := range b {
		b[i] = 0xdb
	}
}
