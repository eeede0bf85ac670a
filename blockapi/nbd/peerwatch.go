package nbd

import (
	"net"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"cairn/store"
)

// patience is how often a peerWatch looks.
const patience = time.Second

// peerWatch looks after the peer while the socket is not read from, which is
// how its death would be seen otherwise: without it, requests that hang in the
// engine would hang on after their client has gone.
type peerWatch struct {
	conn   *connection
	active atomic.Bool
	timer  *time.Timer // runs look
}

func newPeerWatch(c *connection) *peerWatch {
	w := &peerWatch{conn: c}
	w.timer = time.AfterFunc(time.Hour, w.look)
	w.timer.Stop()
	return w
}

// begin watches until end is called. Only the reader calls both.
func (w *peerWatch) begin() (end func()) {
	w.active.Store(true)
	w.timer.Reset(patience)
	return w.end
}

func (w *peerWatch) end() {
	w.active.Store(false)
	w.timer.Stop()
}

func (w *peerWatch) look() {
	switch {
	case !w.active.Load():
	case hungUp(w.conn.raw):
		w.conn.cut(store.Errorf(store.KindCanceled, "serve nbd", "the client hung up with requests in flight"))
	default:
		w.timer.Reset(patience)
	}
}

// hungUp reports whether the peer has closed its end although not all that it
// sent has been read. It can tell of sockets only.
func hungUp(conn net.Conn) bool {
	sc, ok := conn.(syscall.Conn)
	if !ok {
		return false
	}
	rc, err := sc.SyscallConn()
	if err != nil {
		return true
	}
	gone := false
	err = rc.Control(func(fd uintptr) {
		p := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLRDHUP}}
		if n, err := unix.Poll(p, 0); n > 0 && err == nil {
			gone = p[0].Revents&(unix.POLLRDHUP|unix.POLLHUP|unix.POLLERR) != 0
		}
	})
	return gone || err != nil
}
