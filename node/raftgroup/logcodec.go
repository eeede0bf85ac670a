package raftgroup

import (
	"encoding/binary"

	"github.com/hashicorp/raft"

	"cairn/store"
)

// A stored log entry, format 1: u8 format | u8 type | u64 term | data. The index
// is in the key. What hashicorp/raft keeps besides (extensions, the time of the
// append) is used by nothing here and not stored.
const (
	logFormat = 1
	logHeader = 10
)

func appendLog(dst []byte, l *raft.Log) []byte {
	dst = append(dst, logFormat, byte(l.Type))
	dst = binary.BigEndian.AppendUint64(dst, l.Term)
	return append(dst, l.Data...)
}

// decodeLog reads an entry into l; Data is a copy.
func decodeLog(b []byte, index uint64, l *raft.Log) error {
	if len(b) < logHeader {
		return store.Errorf(store.KindCorrupt, "read raft log", "entry %d has %d bytes", index, len(b))
	}
	if b[0] != logFormat {
		return store.Errorf(store.KindUnknownFormat, "read raft log", "entry %d has format %d", index, b[0])
	}
	*l = raft.Log{Index: index, Type: raft.LogType(b[1]), Term: binary.BigEndian.Uint64(b[2:])}
	if len(b) > logHeader {
		l.Data = append([]byte(nil), b[logHeader:]...)
	}
	return nil
}

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
