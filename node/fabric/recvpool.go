package fabric

import (
	"sync"

	"google.golang.org/grpc/mem"
)

const (
	// frameSize is the most that gRPC sends in one frame, and so the size of the
	// buffers it receives bulk bodies in.
	frameSize = 16 << 10
	// keptFrames bounds the buffers that wait for reuse: 32 MiB.
	keptFrames = 2048
)

// recvPool keeps the buffers of received frames from one call to the next.
// gRPC's own pool is emptied by every garbage collection, and a fresh buffer
// costs more than what is done with it: clearing, and page faults. What a broken
// connection does not give back is garbage, as any memory.
type recvPool struct {
	small mem.BufferPool

	mu   sync.Mutex
	free []*[]byte
}

// received is shared by all connections of the process.
var received = &recvPool{small: mem.DefaultBufferPool()}

// Get implements [mem.BufferPool].
func (p *recvPool) Get(n int) *[]byte {
	if n > frameSize || n <= frameSize/2 {
		return p.small.Get(n)
	}
	p.mu.Lock()
	var b *[]byte
	if last := len(p.free) - 1; last >= 0 {
		b, p.free = p.free[last], p.free[:last]
	}
	p.mu.Unlock()
	if b == nil {
		fresh := make([]byte, frameSize)
		b = &fresh
	}
	*b = (*b)[:n]
	return b
}

// Put implements [mem.BufferPool].
func (p *recvPool) Put(b *[]byte) {
	if cap(*b) != frameSize {
		p.small.Put(b)
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.free) < keptFrames {
		p.free = append(p.free, b)
	}
}
