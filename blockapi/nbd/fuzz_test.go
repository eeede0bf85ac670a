package nbd

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"encoding/binary"
	"log/slog"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"cairn/internal/arena"
)

// script is a connection whose client has said everything already.
type script struct {
	in  *bytes.Reader
	out bytes.Buffer
}

func (s *script) Read(p []byte) (int, error)       { return s.in.Read(p) }
func (s *script) Write(p []byte) (int, error)      { return s.out.Write(p) }
func (s *script) Close() error                     { return nil }
func (s *script) LocalAddr() net.Addr              { return &net.UnixAddr{} }
func (s *script) RemoteAddr() net.Addr             { return &net.UnixAddr{} }
func (s *script) SetDeadline(time.Time) error      { return nil }
func (s *script) SetReadDeadline(time.Time) error  { return nil }
func (s *script) SetWriteDeadline(time.Time) error { return nil }

// play serves a script and returns what the server said after the greeting. At
// the end nobody is attached and no buffer is out.
func play(t *testing.T, in []byte) []byte {
	t.Helper()
	exports := twoVolumes()
	srv, err := NewServer(Config{
		Exports: exports, Logger: slog.New(slog.DiscardHandler),
		TLS:    TLS{Policy: TLSOptional, Config: &tls.Config{}},
		Limits: Limits{Requests: 4, ConnectionMemory: MaxPayload, Memory: MaxPayload},
	})
	require.NoError(t, err)
	before := arena.ReadStats().InUse
	s := &script{in: bytes.NewReader(in)}
	srv.ServeConn(s)
	require.NoError(t, srv.Close())
	require.Empty(t, exports[0].attachments())
	require.Empty(t, exports[1].attachments())
	require.Equal(t, before, arena.ReadStats().InUse, "buffers are out")
	require.GreaterOrEqual(t, s.out.Len(), 18)
	return s.out.Bytes()[18:]
}

// Whatever a client says in the handshake, the server answers in whole replies,
// and ends.
func FuzzHandshake(f *testing.F) {
	hello := u32(flagFixedNewstyle | flagNoZeroes)
	add := func(opts ...[]byte) { f.Add(join(append([][]byte{hello}, opts...)...)) }
	opt := func(o option, data []byte) []byte { return optionBytes(o, data, len(data)) }
	add(opt(optList, nil), opt(optAbort, nil))
	add(opt(optStructuredReply, nil), opt(optListMetaContext, metaData("v", "base:", ContextChanged)))
	add(opt(optExtendedHeaders, nil), opt(optSetMetaContext, metaData("v", ContextAllocation)), opt(optInfo, infoData("v", infoBlockSize)))
	add(opt(optStartTLS, nil), []byte{22, 3, 1, 0, 5, 1, 2, 3, 4, 5})
	add(opt(optInfo, make([]byte, maxOption+1)), opt(77, []byte("what")))
	f.Fuzz(func(t *testing.T, in []byte) {
		out := play(t, in)
		for len(out) >= lenOptionReply && binary.BigEndian.Uint64(out) == magicOptionReply {
			n := binary.BigEndian.Uint32(out[16:])
			require.LessOrEqual(t, int(n), len(out)-lenOptionReply)
			out = out[lenOptionReply+int(n):]
		}
	})
}

// Whatever a client requests, it gets whole replies, each to a request of its
// own, and no more than it asked for.
func FuzzTransmission(f *testing.F) {
	for s := range styles {
		c := &client{style: style(s), sent: map[uint64]header{}}
		var all []byte
		for cmd := cmdRead; cmd <= cmdBlockStatus; cmd++ {
			h := header{cmd: cmd, offset: 4096, length: 5000}
			var payload []byte
			switch cmd {
			case cmdWrite:
				payload = make([]byte, 5000)
				if c.style == styleExtended {
					h.flags = cmdFlagPayloadLen
				}
			case cmdDisc:
				continue
			case cmdBlockStatus:
				if c.style == styleExtended {
					payload = binaryStatus(512, 1)
					h.flags, h.length = cmdFlagPayloadLen, uint64(len(payload))
				}
			case cmdFlush:
				h.offset, h.length = 0, 0
			}
			all, _ = c.request(all, h, payload)
		}
		f.Add(byte(s), all)
	}
	f.Fuzz(func(t *testing.T, s byte, in []byte) {
		st := styles[int(s)%len(styles)]
		c := &client{t: t, style: st, parts: map[uint64]*reply{}}
		in, whole := c.number(bytes.Clone(in))
		if whole { // behind a part of a request DISC would be the rest of it
			in, _ = (&client{style: st, sent: map[uint64]header{}}).request(in, header{cmd: cmdDisc}, nil)
		}
		out := play(t, join(preamble(st), in))
		for binary.BigEndian.Uint64(out) == magicOptionReply {
			out = out[lenOptionReply+binary.BigEndian.Uint32(out[16:]):]
			if len(out) < 8 {
				break
			}
		}
		c.in = bufio.NewReader(bytes.NewReader(out))
		for _, err := c.in.Peek(1); err == nil; _, err = c.in.Peek(1) {
			c.recv()
		}
		if whole {
			require.Empty(t, c.sent, "requests without an answer")
		}
	})
}

// preamble is a handshake that attaches to "v" with metadata contexts.
func preamble(s style) []byte {
	all := [][]byte{u32(flagFixedNewstyle | flagNoZeroes)}
	switch s {
	case styleStructured:
		all = append(all, optionBytes(optStructuredReply, nil, 0))
	case styleExtended:
		all = append(all, optionBytes(optExtendedHeaders, nil, 0))
	}
	meta, info := metaData("v", ContextAllocation, ContextChanged+"monday"), infoData("v")
	return join(append(all, optionBytes(optSetMetaContext, meta, len(meta)), optionBytes(optGo, info, len(info)))...)
}

// number gives each request of a stream a cookie of its own and expects answers
// to them. It returns the stream up to its first DISC, and whether it is well
// formed, so that every request must be answered.
func (c *client) number(stream []byte) (in []byte, whole bool) {
	c.sent = map[uint64]header{}
	at, size := 0, c.style.headerLen()
	for at+size <= len(stream) {
		b := stream[at : at+size]
		h, err := parseHeader(b, c.style)
		payload := h.payload(c.style)
		if err != nil || payload > maxRefused || payload > MaxPayload && c.style == styleExtended {
			return stream, false
		}
		if h.cmd == cmdDisc && payload == 0 {
			return stream[:at], true
		}
		h.cookie = uint64(at) + 1
		binary.BigEndian.PutUint64(b[8:], h.cookie)
		c.sent[h.cookie] = h
		if payload > uint64(len(stream)-at-size) {
			return stream, false
		}
		at += size + int(payload)
	}
	return stream, at == len(stream)
}
