package fabric

import (
	"sync"

	"cairn/internal/sockio"
)

// keptBuffers bounds the buffers that wait for reuse: 16 MiB.
const keptBuffers = 64

// bufferStack keeps the buffers of connections for reuse, as recvPool keeps
// those of frames, and for its reasons. A connection has one only while data
// goes through it, so there are as many as are busy at a time.
type bufferStack struct {
	size int

	mu   sync.Mutex
	free [][]byte
}

// ioBuffers have room for what is read or written at a time, encrypted.
var ioBuffers = &bufferStack{size: ioBuffer + ioBuffer/64}

var _ sockio.Pool = ioBuffers

// Get implements [sockio.Pool].
func (s *bufferStack) Get() []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	last := len(s.free) - 1
	if last < 0 {
		return make([]byte, s.size)
	}
	b := s.free[last]
	s.free = s.free[:last]
	return b
}

// Put implements [sockio.Pool].
func (s *bufferStack) Put(b []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.free) < keptBuffers {
		s.free = append(s.free, b[:s.size])
	}
}
