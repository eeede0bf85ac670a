package sockio

import (
	"bytes"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

// pair returns the two ends of a connection.
func pair(t *testing.T) (a, b net.Conn) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	a, err = net.Dial("tcp", l.Addr().String())
	require.NoError(t, err)
	b, err = Listener{l}.Accept()
	require.NoError(t, err)
	require.IsType(t, &Conn{}, b)
	t.Cleanup(func() { a.Close(); b.Close() })
	return Wrap(a), b
}

// What is written arrives whole, in both directions at once, through pieces of
// any size: writes that the connection takes in parts, reads that wait.
func TestBothWays(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	a, b := pair(t)
	data := make([]byte, 16<<20) // more than the kernel buffers
	_, err := rand.NewChaCha8([32]byte{}).Read(data)
	require.NoError(t, err)
	send := func(c net.Conn) error {
		for rest := data; len(rest) > 0; {
			n := min(len(rest), 1+rand.IntN(4<<20))
			m, err := c.Write(rest[:n])
			if err != nil || m != n {
				return err
			}
			rest = rest[n:]
		}
		return c.(*Conn).CloseWrite()
	}
	errs := make(chan error, 2)
	got := make(chan []byte, 2)
	for _, c := range []net.Conn{a, b} {
		go func() { errs <- send(c) }()
		go func() {
			all, err := io.ReadAll(c)
			if err != nil {
				all = nil
			}
			got <- all
		}()
	}
	for range 2 {
		require.NoError(t, <-errs)
		require.True(t, bytes.Equal(data, <-got))
	}
}

func TestDeadlines(t *testing.T) {
	a, _ := pair(t)
	require.NoError(t, a.SetReadDeadline(time.Now().Add(time.Millisecond)))
	n, err := a.Read(make([]byte, 1))
	require.Zero(t, n)
	require.ErrorIs(t, err, os.ErrDeadlineExceeded)
	require.NoError(t, a.SetWriteDeadline(time.Now().Add(50*time.Millisecond)))
	big := make([]byte, 64<<20)
	n, err = a.Write(big)
	require.ErrorIs(t, err, os.ErrDeadlineExceeded, "nobody reads")
	require.Positive(t, n)
	require.Less(t, n, len(big))
}

func TestEnds(t *testing.T) {
	a, b := pair(t)
	reading := make(chan error, 1)
	go func() { _, err := a.Read(make([]byte, 1)); reading <- err }()
	_, err := b.Write(nil)
	require.NoError(t, err)
	require.NoError(t, a.Close())
	require.ErrorIs(t, <-reading, net.ErrClosed)
	_, err = a.Write([]byte{1})
	require.ErrorIs(t, err, net.ErrClosed)
	_, err = b.Read(make([]byte, 1))
	require.Equal(t, io.EOF, err)

	a, b = pair(t)
	require.NoError(t, b.(*Conn).SetLinger(0))
	require.NoError(t, b.Close())
	_, err = a.Read(make([]byte, 1))
	require.ErrorIs(t, err, syscall.ECONNRESET)
	require.ErrorContains(t, err, "read tcp")
}

// counted is a pool that knows how many buffers are out.
type counted struct{ out atomic.Int32 }

func (c *counted) Get() []byte { c.out.Add(1); return make([]byte, 64<<10) }
func (c *counted) Put([]byte)  { c.out.Add(-1) }

// A connection that waits holds no buffer, and gives back what it took.
func TestReadBuffer(t *testing.T) {
	a, b := pair(t)
	pool := &counted{}
	type got struct {
		b   []byte
		err error
	}
	read := make(chan got)
	go func() {
		for {
			b, err := a.(*Conn).ReadBuffer(pool)
			read <- got{b, err}
			if err != nil {
				return
			}
		}
	}()
	for _, s := range []string{"one", "and another"} {
		_, err := b.Write([]byte(s))
		require.NoError(t, err)
		g := <-read
		require.NoError(t, g.err)
		require.Equal(t, s, string(g.b))
		require.Positive(t, pool.out.Load())
		pool.Put(g.b)
	}
	require.Eventually(t, func() bool { return pool.out.Load() == 0 }, time.Minute, time.Millisecond, "it waits")
	require.NoError(t, b.Close())
	require.Equal(t, io.EOF, (<-read).err)
	require.Zero(t, pool.out.Load())
}

// A connection that is not TCP is left alone.
func TestOthersAreLeftAlone(t *testing.T) {
	a, b := net.Pipe()
	defer b.Close()
	require.Same(t, a, Wrap(a))
	require.NoError(t, a.Close())
}
