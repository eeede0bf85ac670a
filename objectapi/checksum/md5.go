package checksum

import (
	"hash"
	"runtime"
	"slices"
	"sync"

	"cairn/internal/md5lanes"
)

const (
	// md5Step is how much of each stream is hashed at a time.
	md5Step = 64 << 10
	// company is how many streams are waited for when several are open: two at a
	// time cost what one does.
	company = 2
	// impatient is how many pieces of a stream may wait for company.
	impatient = queued * 3 / 4
)

// md5Lanes computes the MD5 of all open streams, several at a time. A goroutine
// runs while there is something to do, and further ones only when there are more
// streams than lanes: streams that are hashed apart cost twice the CPU.
//
// A stream whose pieces come one by one waits for others to have some too, until
// it has fallen behind by impatient pieces, is flushed or ends: MD5 is computed
// beside the writes, which take longer. A stream alone waits for nobody.
type md5Lanes struct {
	running sync.WaitGroup

	mu struct {
		sync.Mutex
		streams []*lane // open, in the order in which they are served
		runners int
	}
}

// lane is the MD5 of one stream. The first fields belong to the runner that has
// set busy, the others to md5Lanes.mu.
type lane struct {
	of   *md5Lanes
	hash hash.Hash
	now  *piece // being hashed
	at   int    // bytes of now that were hashed

	next   []*piece
	busy   bool
	hurry  bool // wait for no company until all pieces are hashed
	ending bool
	ended  chan struct{} // closed when ending and no piece is left
}

// waitingLocked returns how many pieces are not hashed; 0 if a runner has the
// stream.
func (l *lane) waitingLocked() int {
	switch {
	case l.busy:
		return 0
	case l.now != nil:
		return len(l.next) + 1
	}
	return len(l.next)
}

// open adds a stream. Close it.
func (m *md5Lanes) open(h hash.Hash) *lane {
	l := &lane{of: m, hash: h, ended: make(chan struct{})}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.mu.streams = append(m.mu.streams, l)
	return l
}

// add has p hashed behind what was added before, and then read.
func (l *lane) add(p *piece) {
	m := l.of
	m.mu.Lock()
	defer m.mu.Unlock()
	l.next = append(l.next, p)
	m.kickLocked()
}

// flush has what was added hashed without waiting for company.
func (l *lane) flush() {
	m := l.of
	m.mu.Lock()
	defer m.mu.Unlock()
	l.hurry = l.busy || l.waitingLocked() > 0
	m.kickLocked()
}

// close returns when all pieces are hashed.
func (l *lane) close() {
	m := l.of
	m.mu.Lock()
	l.ending, l.hurry = true, true
	m.settleLocked(l)
	m.kickLocked()
	m.mu.Unlock()
	<-l.ended
}

// settleLocked takes a stream out that has come to its end.
func (m *md5Lanes) settleLocked(l *lane) {
	if l.busy || l.waitingLocked() > 0 {
		return
	}
	l.hurry = false
	if !l.ending {
		return
	}
	m.mu.streams = slices.DeleteFunc(m.mu.streams, func(s *lane) bool { return s == l })
	close(l.ended)
}

// readyLocked returns how many streams have something to be hashed, and whether
// it is time to.
func (m *md5Lanes) readyLocked() (n int, now bool) {
	for _, l := range m.mu.streams {
		if waiting := l.waitingLocked(); waiting > 0 {
			n++
			now = now || l.hurry || waiting >= impatient
		}
	}
	return n, n > 0 && (now || n >= min(company, len(m.mu.streams)))
}

// kickLocked starts a runner if there is work for one more.
func (m *md5Lanes) kickLocked() {
	n, now := m.readyLocked()
	if !now || m.mu.runners > 0 && (n < md5lanes.Lanes || m.mu.runners >= runtime.GOMAXPROCS(0)) {
		return
	}
	m.mu.runners++
	m.running.Go(m.run)
}

// run hashes until nothing is ready.
func (m *md5Lanes) run() {
	m.mu.Lock()
	defer m.mu.Unlock()
	for {
		batch := m.takeLocked()
		if len(batch) == 0 {
			m.mu.runners--
			return
		}
		m.mu.Unlock()
		hashStep(batch)
		m.mu.Lock()
		for _, l := range batch {
			l.busy = false
			m.settleLocked(l)
		}
	}
}

// takeLocked returns the streams to be hashed next and puts them behind the
// others: when there are more than lanes, each has its turn.
func (m *md5Lanes) takeLocked() (batch []*lane) {
	if _, now := m.readyLocked(); !now {
		return nil
	}
	var others []*lane
	for _, l := range m.mu.streams {
		if l.waitingLocked() == 0 || len(batch) == md5lanes.Lanes {
			others = append(others, l)
			continue
		}
		l.busy = true
		if l.now == nil {
			l.now, l.at, l.next = l.next[0], 0, l.next[1:]
		}
		batch = append(batch, l)
	}
	m.mu.streams = append(others, batch...)
	return batch
}

// hashStep hashes some bytes of each stream, the same number of all.
func hashStep(batch []*lane) {
	n := md5Step
	for _, l := range batch {
		n = min(n, len(l.now.b)-l.at)
	}
	hashes, data := make([]hash.Hash, len(batch)), make([][]byte, len(batch))
	for i, l := range batch {
		hashes[i], data[i] = l.hash, l.now.b[l.at:l.at+n]
	}
	md5lanes.Write(hashes, data)
	for _, l := range batch {
		if l.at += n; l.at == len(l.now.b) {
			l.now.read()
			l.now = nil
		}
	}
}
