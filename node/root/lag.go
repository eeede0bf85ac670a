package root

import (
	"context"
	"sync"
)

// laggard notices that the view stands still although the root goes on: the
// replica that it is followed at has stopped, or is cut off, and its answer would
// be waited for as long as that of a quiet one.
type laggard struct {
	mu     sync.Mutex
	epoch  uint64 // of the view at the last beat
	behind int    // beats in a row in which it did not move and was behind
	leave  context.CancelFunc
}

// maxBehind is how many beats a view may stand still behind the root.
const maxBehind = 2

// watching names what ends the watch that begins now.
func (l *laggard) watching(leave context.CancelFunc) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.behind, l.leave = 0, leave
}

// beat compares the view's epoch with that of the root's leader, which comes with
// the answer to a heartbeat, and ends the watch of a view that stands still.
func (l *laggard) beat(view, leader uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	moved := view != l.epoch
	l.epoch = view
	if moved || view >= leader {
		l.behind = 0
		return
	}
	if l.behind++; l.behind >= maxBehind && l.leave != nil {
		l.behind = 0
		l.leave()
	}
}
