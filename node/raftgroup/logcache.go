package raftgroup

import "github.com/hashicorp/raft"

// logCache keeps the newest entries of a group decoded, for replication and
// apply. Entries are immutable once cached.
type logCache struct {
	entries [cacheEntries]*raft.Log // by index modulo
	bytes   int
	oldest  uint64 // no entry below it is cached
}

const (
	cacheEntries = 64
	cacheBytes   = 1 << 20
)

func (c *logCache) get(index uint64) *raft.Log {
	if l := c.entries[index%cacheEntries]; l != nil && l.Index == index {
		return l
	}
	return nil
}

func (c *logCache) put(l *raft.Log) {
	slot := &c.entries[l.Index%cacheEntries]
	c.drop(slot)
	*slot = l
	c.bytes += len(l.Data)
	if l.Index >= cacheEntries && c.oldest < l.Index-cacheEntries+1 {
		c.oldest = l.Index - cacheEntries + 1
	}
	for ; c.bytes > cacheBytes && c.oldest < l.Index; c.oldest++ {
		if s := &c.entries[c.oldest%cacheEntries]; *s != nil && (*s).Index == c.oldest {
			c.drop(s)
		}
	}
}

func (c *logCache) drop(slot **raft.Log) {
	if *slot != nil {
		c.bytes -= len((*slot).Data)
		*slot = nil
	}
}

func (c *logCache) reset() { *c = logCache{} }
