package nbd

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"cairn/internal/arena"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// gate holds requests of a volume until the test lets them go.
type gate struct {
	begun   chan int64 // the offsets of requests that wait
	release chan error
}

// hold makes v's requests wait. One that is cancelled ends by itself.
func hold(v *memVolume) *gate {
	g := &gate{make(chan int64, 1024), make(chan error)}
	v.before = func(ctx context.Context, _ command, off, _ int64) error {
		g.begun <- off
		select {
		case err := <-g.release:
			return err
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return g
}

func (g *gate) waitFor(n int) {
	for range n {
		<-g.begun
	}
}

func requireDetached(t *testing.T, v *memVolume) {
	t.Helper()
	require.Eventually(t, func() bool { return len(v.attachments()) == 0 }, eventually, tick)
}

// No more requests are in flight than the limit; the rest stays in the socket.
func TestRequestLimit(t *testing.T) {
	v := newMemVolume("v", 1<<20)
	g := hold(v)
	c := dial(t, newTestServer(t, Config{Exports: memExports{v}, Limits: Limits{Requests: 3}})).attach(styleSimple, "v")
	for range 8 {
		c.send(cmdRead, 0, 0, 4096, nil)
	}
	g.waitFor(3)
	for range 5 {
		g.release <- nil
		require.Zero(t, c.recv().errno)
		g.waitFor(1)
		require.Empty(t, g.begun, "a fourth is in flight")
	}
	for range 3 {
		g.release <- nil
		c.recv()
	}
}

// Nor more bytes, on a connection or on all of them.
func TestMemoryLimit(t *testing.T) {
	v := newMemVolume("v", 64<<20)
	g := hold(v)
	srv := newTestServer(t, Config{Exports: memExports{v}, Limits: Limits{ConnectionMemory: MaxPayload, Memory: MaxPayload}})
	first, second := dial(t, srv).attach(styleSimple, "v"), dial(t, srv).attach(styleSimple, "v")
	before := arena.ReadStats()
	first.send(cmdRead, 0, 0, MaxPayload/2, nil)
	first.send(cmdRead, 0, 0, MaxPayload/2, nil)
	first.send(cmdRead, 0, 0, 1, nil)
	g.waitFor(2)
	second.send(cmdWrite, 0, 0, 1, []byte{1})
	second.send(cmdFlush, 0, 0, 0, nil)
	require.Empty(t, g.begun)
	require.LessOrEqual(t, arena.ReadStats().InUseSize-before.InUseSize, int64(MaxPayload))
	g.release <- nil
	require.Len(t, first.recv().data, MaxPayload/2)
	g.waitFor(3) // the rest of both
	for range 4 {
		g.release <- nil
	}
	for range 2 {
		require.Zero(t, first.recv().errno)
		require.Zero(t, second.recv().errno)
	}
}

// When the client dies, what is in flight is cancelled: also when the server
// does not read from the connection.
func TestDeathCancels(t *testing.T) {
	for _, requests := range []int{1, 20} {
		v := newMemVolume("v", 1<<20)
		g := hold(v)
		c := dial(t, newTestServer(t, Config{Exports: memExports{v}, Limits: Limits{Requests: 2}})).attach(styleSimple, "v")
		for range requests {
			c.send(cmdRead, 0, 0, 4096, nil)
		}
		g.waitFor(min(requests, 2))
		c.conn.Close()
		requireDetached(t, v)
	}
}

// A client that disconnects and is gone at once has its requests carried out,
// although nobody hears the answers.
func TestRequestsOutliveADisconnect(t *testing.T) {
	v := newMemVolume("v", 1<<20)
	g := hold(v)
	c := dial(t, newTestServer(t, Config{Exports: memExports{v}})).attach(styleSimple, "v")
	for i := range 4 {
		c.send(cmdWrite, 0, uint64(4*i), 4, []byte("word"))
	}
	c.send(cmdDisc, 0, 0, 0, nil)
	require.NoError(t, c.conn.Close())
	g.waitFor(4)
	for range 4 {
		g.release <- nil
	}
	requireDetached(t, v)
	require.Equal(t, "wordwordwordword", string(v.contents()[:16]))
}

func TestServerDisconnects(t *testing.T) {
	v := newMemVolume("v", 1<<20)
	g := hold(v)
	srv := newTestServer(t, Config{Exports: memExports{v}})
	c := dial(t, srv).attach(styleSimple, "v")
	c.send(cmdRead, 0, 0, 4096, nil)
	g.waitFor(1)
	require.False(t, srv.Disconnect(17))
	require.True(t, srv.Disconnect(v.attachments()[0].Conn))
	c.requireHangUp()
	requireDetached(t, v)
}

// In a shutdown what is in flight is answered and what is new refused.
func TestShutdownDrains(t *testing.T) {
	forStyles(t, func(t *testing.T, s style) {
		v := newMemVolume("v", 1<<20)
		g := hold(v)
		srv := newTestServer(t, Config{Exports: memExports{v}, Limits: Limits{Linger: time.Minute}})
		c, haggling := dial(t, srv).attach(s, "v"), dial(t, srv).newstyle()
		haggling.option(optList, nil)
		old := c.send(cmdWrite, 0, 0, 4, []byte("word"))
		g.waitFor(1)

		ended := make(chan error)
		go func() { ended <- srv.Shutdown(context.Background()) }()
		require.Eventually(t, srv.draining.Load, eventually, tick)
		require.Equal(t, eShutdown, c.errnoOfDo(cmdWrite, 0, 0, 4, []byte("late")))
		require.Equal(t, repErrShutdown, haggling.final(optGo, infoData("v")))
		require.Equal(t, repAck, haggling.final(optAbort, nil))
		g.release <- nil
		r := c.recv()
		require.Equal(t, old, r.cookie)
		require.Zero(t, r.errno)
		c.send(cmdDisc, 0, 0, 0, nil)
		require.NoError(t, <-ended)
		require.Empty(t, v.attachments())
		require.Equal(t, "word", string(v.contents()[:4]))

		_, conn := socketPair(t)
		srv.ServeConn(conn)
		_, err := conn.Write([]byte{0})
		require.ErrorIs(t, err, net.ErrClosed, "a late connection is closed")
	})
}

// Clients that stay are left after the time for it.
func TestShutdownLeavesIdleClients(t *testing.T) {
	v := newMemVolume("v", 1<<20)
	srv := newTestServer(t, Config{Exports: memExports{v}, Limits: Limits{Linger: 10 * time.Millisecond}})
	idle, mute := dial(t, srv).attach(styleSimple, "v"), dial(t, srv)
	mute.read(18)
	require.NoError(t, srv.Shutdown(context.Background()))
	idle.requireHangUp()
	mute.requireHangUp()
}

// A shutdown that takes too long cancels what is in flight.
func TestShutdownGivesUp(t *testing.T) {
	v := newMemVolume("v", 1<<20)
	g := hold(v)
	srv := newTestServer(t, Config{Exports: memExports{v}})
	c := dial(t, srv).attach(styleSimple, "v")
	c.send(cmdRead, 0, 0, 4096, nil)
	g.waitFor(1)
	late := errors.New("late")
	ctx, cancel := context.WithCancelCause(context.Background())
	cancel(late)
	require.ErrorIs(t, srv.Shutdown(ctx), late)
	require.Empty(t, v.attachments())
}

// A client that takes no replies, and one that keeps a payload back, are cut.
func TestStalledClients(t *testing.T) {
	v := newMemVolume("v", 64<<20)
	srv := newTestServer(t, Config{Exports: memExports{v}, Limits: Limits{Stall: 30 * time.Millisecond}})
	deaf, short := dial(t, srv).attach(styleSimple, "v"), dial(t, srv).attach(styleSimple, "v")
	deaf.send(cmdRead, 0, 0, MaxPayload, nil)
	b, _ := short.request(nil, header{cmd: cmdWrite, length: 4096}, []byte("not all"))
	short.write(b)
	short.requireHangUp()
	requireDetached(t, v)
	n, err := io.Copy(io.Discard, deaf.in)
	require.Less(t, n, int64(MaxPayload))
	if err != nil {
		t.Log(err)
	}
}

// An idle client is never cut.
func TestIdleClientStays(t *testing.T) {
	v := newMemVolume("v", 1<<20)
	srv := newTestServer(t, Config{Exports: memExports{v}, Limits: Limits{Stall: time.Millisecond, Handshake: 50 * time.Millisecond}})
	c := dial(t, srv).attach(styleSimple, "v")
	word := bytes.Repeat([]byte("word"), 100)
	require.Zero(t, c.errnoOfDo(cmdWrite, 0, 0, 400, word))
	time.Sleep(100 * time.Millisecond) // past both limits
	require.Equal(t, word, c.do(cmdRead, 0, 0, 400, nil).data)
}

func TestConnectionLimit(t *testing.T) {
	v := newMemVolume("v", 1<<20)
	srv := newTestServer(t, Config{Exports: memExports{v}, Limits: Limits{Connections: 1}})
	first := dial(t, srv).attach(styleSimple, "v")
	dial(t, srv).requireHangUp()
	first.send(cmdDisc, 0, 0, 0, nil)
	first.requireHangUp()
	require.Eventually(t, func() bool {
		srv.mu.Lock()
		defer srv.mu.Unlock()
		return len(srv.mu.conns) == 0
	}, eventually, tick)
	dial(t, srv).attach(styleSimple, "v")
}

func TestServe(t *testing.T) {
	v := newMemVolume("v", 1<<20)
	srv := newTestServer(t, Config{Exports: memExports{v}})
	served := make(chan error)
	var listeners []net.Listener
	for _, at := range [][2]string{{"unix", filepath.Join(t.TempDir(), "s")}, {"tcp", "127.0.0.1:0"}} {
		l, err := net.Listen(at[0], at[1])
		require.NoError(t, err)
		go func() { served <- srv.Serve(l) }()
		listeners = append(listeners, l)
	}
	for _, l := range listeners {
		conn, err := net.Dial(l.Addr().Network(), l.Addr().String())
		require.NoError(t, err)
		c := newClient(t, conn).attach(styleStructured, "v")
		require.Zero(t, c.errnoOfDo(cmdWrite, 0, 0, 4, []byte("word")))
		require.Equal(t, []byte("word"), c.do(cmdRead, 0, 0, 4, nil).data)
		require.NoError(t, conn.Close())
	}
	require.NoError(t, srv.Shutdown(context.Background()))
	require.NoError(t, <-served)
	require.NoError(t, <-served)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, srv.Serve(l), "a server that has shut down serves no more")
	_, err = l.Accept()
	require.ErrorIs(t, err, net.ErrClosed)
}

// A listener that breaks ends Serve with its error.
func TestServeBrokenListener(t *testing.T) {
	srv := newTestServer(t, Config{Exports: twoVolumes()})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, l.Close())
	require.ErrorIs(t, srv.Serve(l), net.ErrClosed)
}

func TestConfigIsChecked(t *testing.T) {
	_, err := NewServer(Config{
		TLS:    TLS{Policy: TLSRequired},
		Limits: Limits{Connections: -1, ConnectionMemory: 1, Stall: -1},
	})
	for _, part := range []string{"no exports", "TLS configuration", "-1 connections", "memory of 1 ", "negative"} {
		require.ErrorContains(t, err, part)
	}
	_, err = NewServer(Config{Exports: twoVolumes(), TLS: TLS{Policy: 9}})
	require.ErrorContains(t, err, "policy 9")
}

// Reads and writes allocate nothing once their slots and buffers are warm.
func TestNoAllocations(t *testing.T) {
	for _, s := range []style{styleSimple, styleExtended} {
		for _, cmd := range []command{cmdRead, cmdWrite} {
			v := newMemVolume("v", 64<<20)
			v.fill()
			c := dial(t, newTestServer(t, Config{Exports: memExports{v}})).attach(s, "v")
			l := newLoad(c, cmd, 4096, 16)
			l.span = 1 << 20
			l.run(2000)
			perRun := testing.AllocsPerRun(10, func() { l.run(500) })
			require.Less(t, perRun, 50.0, "allocations in 500 requests of %s", cmd)
		}
	}
}
