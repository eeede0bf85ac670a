package sockio

import (
	"io"
	"net"
	"os"
	"sync"
	"syscall"
	"unsafe"
)

// Conn is a TCP connection. Reads and writes behave as those of [net.TCPConn],
// deadlines and Close included.
type Conn struct {
	*net.TCPConn
	raw syscall.RawConn
	in  half
	out half
}

// half is one direction: the call that is under way, and its mutex.
type half struct {
	sync.Mutex
	call func(fd uintptr) (done bool) // made once; it works on the fields below

	buf   []byte
	pool  Pool // with no buf: where the buffer to read into comes from
	n     int
	errno syscall.Errno
}

// Wrap returns c with direct reads and writes, or c itself if it is not TCP.
func Wrap(c net.Conn) net.Conn {
	tcp, ok := c.(*net.TCPConn)
	if !ok {
		return c
	}
	raw, err := tcp.SyscallConn()
	if err != nil {
		return c // it is closed; whoever uses it will see
	}
	out := &Conn{TCPConn: tcp, raw: raw}
	out.in.call, out.out.call = out.in.read, out.out.write
	return out
}

// Read implements [net.Conn].
func (c *Conn) Read(b []byte) (int, error) {
	if len(b) == 0 {
		return 0, nil
	}
	h := &c.in
	h.Lock()
	defer h.Unlock()
	h.buf = b
	n, err := c.readLocked()
	h.buf = nil
	return n, err
}

// Pool is where [Conn.ReadBuffer] takes buffers from. All have one size.
type Pool interface {
	Get() []byte
	Put([]byte)
}

// ReadBuffer reads into a buffer that it takes from pool only when there is
// something to read: a connection that waits holds none. Without an error the
// caller gives the buffer back.
func (c *Conn) ReadBuffer(pool Pool) ([]byte, error) {
	h := &c.in
	h.Lock()
	defer h.Unlock()
	h.pool = pool
	n, err := c.readLocked()
	b := h.buf
	h.buf, h.pool = nil, nil
	if err != nil && b != nil {
		pool.Put(b)
		return nil, err
	}
	return b[:n], err
}

func (c *Conn) readLocked() (int, error) {
	h := &c.in
	h.n, h.errno = 0, 0
	err := c.raw.Read(h.call)
	switch {
	case err != nil:
		return 0, err
	case h.errno != 0:
		return 0, c.failed("read", h.errno)
	case h.n == 0:
		return 0, io.EOF
	}
	return h.n, nil
}

// Write implements [net.Conn].
func (c *Conn) Write(b []byte) (int, error) {
	if len(b) == 0 {
		return 0, nil
	}
	h := &c.out
	h.Lock()
	defer h.Unlock()
	h.buf, h.n, h.errno = b, 0, 0
	err := c.raw.Write(h.call)
	h.buf = nil
	if err == nil && h.errno != 0 {
		err = c.failed("write", h.errno)
	}
	return h.n, err
}

func (c *Conn) failed(op string, errno syscall.Errno) error {
	return &net.OpError{
		Op: op, Net: "tcp", Source: c.LocalAddr(), Addr: c.RemoteAddr(), Err: os.NewSyscallError(op, errno),
	}
}

// ReadFrom hides that of [net.TCPConn], which writes by itself.
func (c *Conn) ReadFrom(r io.Reader) (int64, error) { return io.Copy(onlyWriter{c}, r) }

type onlyWriter struct{ io.Writer }

// read reads once. It asks to be called again when there is nothing to read.
func (h *half) read(fd uintptr) bool {
	if h.buf == nil {
		h.buf = h.pool.Get()
	}
	for {
		n, _, errno := syscall.RawSyscall(syscall.SYS_READ, fd, uintptr(unsafe.Pointer(&h.buf[0])), uintptr(len(h.buf)))
		switch errno {
		case 0:
			h.n = int(n)
		case syscall.EAGAIN:
			if h.pool != nil {
				h.pool.Put(h.buf)
				h.buf = nil
			}
			return false
		case syscall.EINTR:
			continue
		default:
			h.errno = errno
		}
		return true
	}
}

// write writes until all is written. It asks to be called again when the
// connection takes no more.
func (h *half) write(fd uintptr) bool {
	for h.n < len(h.buf) {
		rest := h.buf[h.n:]
		n, _, errno := syscall.RawSyscall(syscall.SYS_WRITE, fd, uintptr(unsafe.Pointer(&rest[0])), uintptr(len(rest)))
		switch errno {
		case 0:
			h.n += int(n)
		case syscall.EAGAIN:
			return false
		case syscall.EINTR:
		default:
			h.errno = errno
			return true
		}
	}
	return true
}

// Listener accepts connections as [Wrap] makes them.
type Listener struct{ net.Listener }

// Accept implements [net.Listener].
func (l Listener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return Wrap(c), nil
}
