package blob

import (
	"container/list"
	"sync"
	"time"
)

// readers are the reads that run in this process, in the order they began.
type readers struct {
	mu    sync.Mutex
	began list.List // of time.Time
}

// Reading implements [store.Blobs]: the node's heartbeats carry the start of its
// oldest read, and no blob is deleted that lost its last reference after the
// oldest read of the cluster began.
func (c *Client) Reading() (done func()) {
	r := &c.reads
	r.mu.Lock()
	defer r.mu.Unlock()
	at := r.began.PushBack(c.clock())
	var once sync.Once
	return func() {
		once.Do(func() {
			r.mu.Lock()
			defer r.mu.Unlock()
			r.began.Remove(at)
		})
	}
}

// OldestRead returns when the oldest read that runs began; ok is false if none
// does.
func (c *Client) OldestRead() (began time.Time, ok bool) {
	c.reads.mu.Lock()
	defer c.reads.mu.Unlock()
	if e := c.reads.began.Front(); e != nil {
		return e.Value.(time.Time), true
	}
	return time.Time{}, false
}
