package store

import "context"

// Store is all that a front end gets of the engine.
type Store interface {
	Names
	Rows
	Blobs
}

// Rows runs commands and queries on the machine of a namespace.
type Rows interface {
	// Do replicates cmd to the group that owns key and applies it there. The
	// receipts are those of the blobs that cmd refers to for the first time.
	//
	// On a nil error the effect is durable on a majority. An error made by
	// Apply is returned as it is and means no effect. [KindUnavailable] means
	// no effect so far as this process knows; [KindTimeout], or the context's
	// own error, means that the outcome is unknown. Do retries over leader
	// changes by itself, with the same (client, seq), so a command takes effect
	// at most once.
	Do(ctx context.Context, ns NS, key, cmd []byte, placed ...Placed) (reply []byte, err error)

	// Ask answers a query at the group that owns key, linearizably: it sees
	// every Do that returned before Ask was called.
	Ask(ctx context.Context, ns NS, key, query []byte) (reply []byte, err error)
}

// Owner is the key a blob is written for. It is stored beside every shard.
type Owner struct {
	NS  NS
	Key []byte // at most 1,024 bytes
}

// Class selects where and how redundantly a blob is kept.
type Class uint8

// The classes. Numbers are stored.
const (
	ClassStandard Class = 0 // survives a zone and one more node, where the topology allows
	ClassEconomy  Class = 1 // survives a zone
	ClassOneZone  Class = 2 // survives nodes of one zone
)

// Blobs stores immutable bytes.
type Blobs interface {
	// Put stores payload (1 to [MaxBlob] bytes) and returns its receipt once
	// the class's acknowledgement rule holds on fsynced shards. Until a row
	// refers to it, the blob is nobody's and is collected after a day.
	//
	// A payload in a buffer from [Blobs.Buffer] is encoded without being
	// copied: Put may use its spare capacity, and a slow disk may still read it
	// when Put has returned. It must not be written to again, only freed.
	// Errors: [KindNoSpace], [KindUnavailable] (too few disks answer).
	Put(ctx context.Context, owner Owner, class Class, payload []byte) (Placed, error)

	// Get returns the payload's bytes [off, off+n). Each byte passed its
	// checksum in this process or was rebuilt from shards that did; otherwise
	// the error is [KindCorrupt], or [KindUnavailable] while too few disks
	// answer. A blob that was deleted gives [KindNotFound]. The caller must
	// Release the result.
	Get(ctx context.Context, ref Ref, off, n int) (*Bytes, error)

	// Reading announces a read of rows and of what they refer to: blobs that
	// rows read from now on refer to are kept until done is called, at most 24
	// hours, even if they lose their last reference meanwhile. Calling done
	// again does nothing.
	Reading() (done func())

	// Buffer returns a pooled buffer of length n (at most [MaxBlob]) with the
	// spare capacity that Put wants. Its contents are arbitrary. Free it with
	// FreeBuffer.
	Buffer(n int) []byte
	// FreeBuffer gives back a buffer that Buffer returned, resliced or not.
	FreeBuffer(b []byte)
}

// Bytes is a read result in pooled memory.
type Bytes struct {
	parts   [][]byte
	release func()
}

// NewBytes wraps parts; release, if not nil, is called once by Release.
func NewBytes(parts [][]byte, release func()) *Bytes {
	return &Bytes{parts: parts, release: release}
}

// Parts returns the bytes in order. They are valid until Release.
func (b *Bytes) Parts() [][]byte { return b.parts }

// Len returns the number of bytes.
func (b *Bytes) Len() int {
	n := 0
	for _, p := range b.parts {
		n += len(p)
	}
	return n
}

// Release gives the memory back. Further calls do nothing.
func (b *Bytes) Release() {
	if b.release != nil {
		b.release()
	}
	b.parts, b.release = nil, nil
}
