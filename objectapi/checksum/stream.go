package checksum

import (
	"crypto/md5"
	"hash"
	"slices"
	"sync"
	"sync/atomic"
)

const (
	// inlineBelow is the length up to which a stream hashes on its caller's
	// goroutine: handing 64 KiB over costs as much as hashing it with a CRC.
	inlineBelow = 64 << 10

	// queued is how many pieces of a stream may wait to be hashed.
	queued = 32
)

// Hasher owns what streams share. Its methods are safe for concurrent use.
type Hasher struct{ md5 md5Lanes }

// NewHasher returns a Hasher; Close it after its last stream.
func NewHasher() *Hasher { return &Hasher{} }

// Close waits for the Hasher's goroutines, which end with the last stream.
func (h *Hasher) Close() { h.md5.running.Wait() }

// Sums are the results of a stream.
type Sums struct {
	MD5 [md5.Size]byte
	of  [last + 1][]byte
}

// Of returns the checksum of algorithm a, nil if the stream did not compute it.
func (s *Sums) Of(a Algorithm) []byte { return s.of[a] }

// Stream hashes one body. It is not safe for concurrent use, except Flush.
type Stream struct {
	md5    hash.Hash
	hashes []sum // beside MD5

	// Of a stream that hashes beside its caller; nil for a short one.
	lane   *lane
	room   chan struct{} // one entry a piece that waits
	pieces chan *piece   // to the goroutine that computes hashes
	ended  sync.WaitGroup
}

type sum struct {
	algorithm Algorithm
	hash.Hash
}

// piece is a part of a body on its way through the hashes.
type piece struct {
	b     []byte
	left  atomic.Int32 // of MD5 and the others, who still read b
	after func()
}

func (p *piece) read() {
	if p.left.Add(-1) == 0 {
		p.after()
	}
}

// Start begins a stream over a body of size bytes (an estimate will do) that
// computes MD5 and the given algorithms; None and repetitions are ignored.
func (h *Hasher) Start(size int64, algs ...Algorithm) *Stream {
	s := &Stream{md5: md5.New()}
	for _, a := range algs {
		if a != None && !slices.ContainsFunc(s.hashes, func(have sum) bool { return have.algorithm == a }) {
			s.hashes = append(s.hashes, sum{a, a.New()})
		}
	}
	if size <= inlineBelow {
		return s
	}
	s.lane = h.md5.open(s.md5)
	s.room = make(chan struct{}, queued)
	s.pieces = make(chan *piece, queued)
	s.ended.Go(s.run)
	return s
}

// Write adds b to the body. The stream reads b until it calls done (which may
// be nil), on another goroutine perhaps; until then b must not change.
func (s *Stream) Write(b []byte, done func()) {
	if s.lane == nil {
		s.md5.Write(b)
		s.writeOthers(b)
		if done != nil {
			done()
		}
		return
	}
	s.room <- struct{}{}
	p := &piece{b: b, after: func() {
		<-s.room
		if done != nil {
			done()
		}
	}}
	p.left.Store(2)
	s.pieces <- p
	s.lane.add(p)
}

// Flush has what was written hashed soon. Without it pieces may wait until there
// are more, of this stream or of others, or the stream ends.
func (s *Stream) Flush() {
	if s.lane != nil {
		s.lane.flush()
	}
}

// Sum ends the stream and returns its results.
func (s *Stream) Sum() *Sums {
	s.Close()
	out := &Sums{}
	s.md5.Sum(out.MD5[:0])
	for _, h := range s.hashes {
		out.of[h.algorithm] = h.Sum(nil)
	}
	return out
}

// Close ends the stream and waits until every piece is done. It must be called,
// after Sum or without it; further calls do nothing.
func (s *Stream) Close() {
	if s.pieces == nil {
		return
	}
	close(s.pieces)
	s.lane.close()
	s.ended.Wait()
	s.pieces = nil
}

func (s *Stream) run() {
	for p := range s.pieces {
		s.writeOthers(p.b)
		p.read()
	}
}

func (s *Stream) writeOthers(b []byte) {
	for _, h := range s.hashes {
		h.Write(b)
	}
}
