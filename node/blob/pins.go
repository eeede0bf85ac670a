package blob

import (
	"sync"

	"cairn/internal/arena"
)

// pins keeps buffers alive that a shard write still reads. A buffer is known by
// its first byte, so it must be freed as it was given out or resliced at its
// end only.
type pins struct {
	mu  sync.Mutex
	use map[*byte]*pin
}

// pinned is of the process, as the arena is: a buffer may go through several
// clients.
var pinned pins

type pin struct {
	writes int
	freed  []byte // set when the owner freed it meanwhile
}

// hold adds n readers to a buffer.
func (p *pins) hold(b []byte, n int) {
	key := &b[:1][0]
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.use == nil {
		p.use = map[*byte]*pin{}
	}
	if p.use[key] == nil {
		p.use[key] = &pin{}
	}
	p.use[key].writes += n
}

// drop takes one reader away and gives the buffer back if its owner has.
func (p *pins) drop(b []byte) {
	key := &b[:1][0]
	p.mu.Lock()
	defer p.mu.Unlock()
	u := p.use[key]
	if u.writes--; u.writes > 0 {
		return
	}
	delete(p.use, key)
	if u.freed != nil {
		arena.Put(u.freed)
	}
}

// free gives a buffer back now, or when its last reader is gone.
func (p *pins) free(b []byte) {
	if cap(b) == 0 {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if u := p.use[&b[:1][0]]; u != nil {
		u.freed = b
		return
	}
	arena.Put(b)
}
