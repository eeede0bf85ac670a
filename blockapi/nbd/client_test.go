package nbd

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"syscall"
	"time"

	"github.com/stretchr/testify/require"

	"cairn/internal/arena"
)

// How long, and how often, a test looks for what must come.
const (
	eventually = 20 * time.Second
	tick       = 2 * time.Millisecond
)

// tb is a test, of the testing package or of rapid.
type tb interface {
	arena.TB
	FailNow()
}

// newTestServer returns a server of volumes that is closed, and has given every
// buffer back, when the test ends.
func newTestServer(t tb, cfg Config) *Server {
	t.Helper()
	arena.CheckLeaks(t)
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	s, err := NewServer(cfg)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return s
}

// socketPair returns both ends of a unix socket.
func socketPair(t tb) (server, client net.Conn) {
	t.Helper()
	fds, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	require.NoError(t, err)
	var ends [2]net.Conn
	for i, fd := range fds {
		f := os.NewFile(uintptr(fd), "socket")
		ends[i], err = net.FileConn(f)
		require.NoError(t, err)
		require.NoError(t, f.Close())
	}
	t.Cleanup(func() { ends[1].Close() })
	return ends[0], ends[1]
}

// client is a client that does what it is told, right or wrong.
type client struct {
	t     tb
	conn  net.Conn
	in    *bufio.Reader
	style style
	last  uint64            // cookie
	sent  map[uint64]header // by cookie, until answered
	parts map[uint64]*reply // begun
}

// dial connects to s and waits at most a while for whatever is asked of it.
func dial(t tb, s *Server) *client {
	t.Helper()
	server, conn := socketPair(t)
	s.start(server)
	require.NoError(t, conn.SetDeadline(time.Now().Add(eventually)))
	return newClient(t, conn)
}

func newClient(t tb, conn net.Conn) *client {
	return &client{
		t: t, conn: conn, in: bufio.NewReaderSize(conn, 256<<10),
		sent: map[uint64]header{}, parts: map[uint64]*reply{},
	}
}

func (c *client) write(b []byte) {
	c.t.Helper()
	_, err := c.conn.Write(b)
	if err != nil { // require allocates, which TestNoAllocations counts
		require.NoError(c.t, err)
	}
}

func (c *client) read(n int) []byte {
	c.t.Helper()
	b := make([]byte, n)
	_, err := io.ReadFull(c.in, b)
	require.NoError(c.t, err)
	return b
}

// requireHangUp wants the server to close the connection without another word.
func (c *client) requireHangUp() {
	c.t.Helper()
	n, err := io.Copy(io.Discard, c.in)
	require.Zero(c.t, n, "bytes before the end")
	if err != nil {
		require.ErrorIs(c.t, err, syscall.ECONNRESET)
	}
}

// greet does the greeting with the given client flags.
func (c *client) greet(flags uint32) *client {
	c.t.Helper()
	b := c.read(18)
	require.Equal(c.t, magicGreeting, binary.BigEndian.Uint64(b))
	require.Equal(c.t, magicOption, binary.BigEndian.Uint64(b[8:]))
	require.EqualValues(c.t, flagFixedNewstyle|flagNoZeroes, binary.BigEndian.Uint16(b[16:]))
	c.write(binary.BigEndian.AppendUint32(nil, flags))
	return c
}

// newstyle is greet as clients do it.
func (c *client) newstyle() *client { return c.greet(flagFixedNewstyle | flagNoZeroes) }

// optReply is one reply to an option.
type optReply struct {
	code    replyCode
	payload []byte
}

func (r optReply) String() string { return fmt.Sprintf("%#x %q", uint32(r.code), r.payload) }

func (c *client) sendOption(opt option, data []byte) {
	c.t.Helper()
	b := binary.BigEndian.AppendUint64(nil, magicOption)
	b = binary.BigEndian.AppendUint32(b, uint32(opt))
	b = binary.BigEndian.AppendUint32(b, uint32(len(data)))
	c.write(append(b, data...))
}

// option sends an option and returns the replies up to the final one.
func (c *client) option(opt option, data []byte) (replies []optReply) {
	c.t.Helper()
	c.sendOption(opt, data)
	for {
		b := c.read(lenOptionReply)
		require.Equal(c.t, magicOptionReply, binary.BigEndian.Uint64(b))
		require.EqualValues(c.t, opt, binary.BigEndian.Uint32(b[8:]))
		r := optReply{code: replyCode(binary.BigEndian.Uint32(b[12:]))}
		r.payload = c.read(int(binary.BigEndian.Uint32(b[16:])))
		replies = append(replies, r)
		if r.code == repAck || r.code >= 1<<31 {
			return replies
		}
	}
}

// final returns the code of the last reply to an option.
func (c *client) final(opt option, data []byte) replyCode {
	c.t.Helper()
	all := c.option(opt, data)
	return all[len(all)-1].code
}

// infoData is the data of INFO and GO.
func infoData(name string, infos ...infoType) []byte {
	b := binary.BigEndian.AppendUint32(nil, uint32(len(name)))
	b = append(b, name...)
	b = binary.BigEndian.AppendUint16(b, uint16(len(infos)))
	for _, i := range infos {
		b = binary.BigEndian.AppendUint16(b, uint16(i))
	}
	return b
}

// metaData is the data of the options about metadata contexts.
func metaData(name string, queries ...string) []byte {
	b := binary.BigEndian.AppendUint32(nil, uint32(len(name)))
	b = append(b, name...)
	b = binary.BigEndian.AppendUint32(b, uint32(len(queries)))
	for _, q := range queries {
		b = binary.BigEndian.AppendUint32(b, uint32(len(q)))
		b = append(b, q...)
	}
	return b
}

// attach greets, agrees on a style and on contexts, and goes.
func (c *client) attach(s style, name string, contexts ...string) *client {
	c.t.Helper()
	c.newstyle()
	switch s {
	case styleStructured:
		require.Equal(c.t, repAck, c.final(optStructuredReply, nil))
	case styleExtended:
		require.Equal(c.t, repAck, c.final(optExtendedHeaders, nil))
	}
	if len(contexts) > 0 {
		require.Equal(c.t, repAck, c.final(optSetMetaContext, metaData(name, contexts...)))
	}
	require.Equal(c.t, repAck, c.final(optGo, infoData(name)))
	c.style = s
	return c
}

// request appends the bytes of a request and returns its cookie.
func (c *client) request(b []byte, h header, payload []byte) ([]byte, uint64) {
	c.last++
	h.cookie = c.last
	if c.style == styleExtended {
		b = binary.BigEndian.AppendUint32(b, magicExtendedRequest)
	} else {
		b = binary.BigEndian.AppendUint32(b, magicRequest)
	}
	b = binary.BigEndian.AppendUint16(b, h.flags)
	b = binary.BigEndian.AppendUint16(b, uint16(h.cmd))
	b = binary.BigEndian.AppendUint64(b, h.cookie)
	b = binary.BigEndian.AppendUint64(b, h.offset)
	if c.style == styleExtended {
		b = binary.BigEndian.AppendUint64(b, h.length)
	} else {
		b = binary.BigEndian.AppendUint32(b, uint32(h.length))
	}
	c.sent[h.cookie] = h
	return append(b, payload...), h.cookie
}

// send sends a request.
func (c *client) send(cmd command, flags uint16, off, n uint64, payload []byte) uint64 {
	c.t.Helper()
	if payload != nil && c.style == styleExtended {
		flags |= cmdFlagPayloadLen
	}
	b, cookie := c.request(nil, header{flags: flags, cmd: cmd, offset: off, length: n}, payload)
	c.write(b)
	return cookie
}

// do sends a request and waits for its reply, which must be the next.
func (c *client) do(cmd command, flags uint16, off, n uint64, payload []byte) reply {
	c.t.Helper()
	cookie := c.send(cmd, flags, off, n, payload)
	r := c.recv()
	require.Equal(c.t, cookie, r.cookie)
	return r
}

// errnoOfDo is do for requests of which only the outcome matters.
func (c *client) errnoOfDo(cmd command, flags uint16, off, n uint64, payload []byte) errno {
	c.t.Helper()
	return c.do(cmd, flags, off, n, payload).errno
}
