package nbd

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"cairn/internal/arena"
	"cairn/store"
)

var styles = []style{styleSimple, styleStructured, styleExtended}

func forStyles(t *testing.T, f func(t *testing.T, s style)) {
	for _, s := range styles {
		t.Run(fmt.Sprintf("style %d", s), func(t *testing.T) { f(t, s) })
	}
}

// Every command on a volume that is writable and one that is not; with the
// answer it has to get, after which the connection still works.
func TestCommandOutcomes(t *testing.T) {
	const (
		all      = 1 << 20 // the size of "v"
		noStatus = eInval
	)
	word := []byte("word")
	tests := []struct {
		name    string
		export  string
		cmd     command
		flags   uint16
		off, n  uint64
		payload []byte
		want    [3]errno // by style
	}{
		{"read", "v", cmdRead, 0, 1, 3, nil, [3]errno{}},
		{"read all", "v", cmdRead, 0, 0, all, nil, [3]errno{}},
		{"read with FUA", "v", cmdRead, cmdFlagFUA, 0, 1, nil, [3]errno{}},
		{"read unfragmented", "v", cmdRead, cmdFlagDF, 0, all, nil, [3]errno{eInval, 0, 0}},
		{"read nothing", "v", cmdRead, 0, 0, 0, nil, [3]errno{eInval, eInval, eInval}},
		{"read beyond", "v", cmdRead, 0, all - 1, 2, nil, [3]errno{eInval, eInval, eInval}},
		{"read overflowing", "v", cmdRead, 0, math.MaxUint64, 2, nil, [3]errno{eInval, eInval, eInval}},
		{"read with a wrong flag", "v", cmdRead, cmdFlagReqOne, 0, 1, nil, [3]errno{eInval, eInval, eInval}},
		{"read with an unknown flag", "v", cmdRead, 1 << 15, 0, 1, nil, [3]errno{eInval, eInval, eInval}},
		{"read too much", "odd", cmdRead, 0, 0, MaxPayload + 512, nil, [3]errno{eInval, eOverflow, eOverflow}},
		{"read unaligned", "odd", cmdRead, 0, 1, 512, nil, [3]errno{eInval, eInval, eInval}},
		{"read a part of a block", "odd", cmdRead, 0, 512, 511, nil, [3]errno{eInval, eInval, eInval}},
		{"read a block", "odd", cmdRead, 0, 512, 512, nil, [3]errno{}},
		{"write", "v", cmdWrite, 0, 5, 4, word, [3]errno{}},
		{"write through", "v", cmdWrite, cmdFlagFUA, 5, 4, word, [3]errno{}},
		{"write beyond", "v", cmdWrite, 0, all - 2, 4, word, [3]errno{eNoSpc, eNoSpc, eNoSpc}},
		{"write far beyond", "v", cmdWrite, 0, math.MaxUint64, 4, word, [3]errno{eNoSpc, eNoSpc, eNoSpc}},
		{"write with a wrong flag", "v", cmdWrite, cmdFlagNoHole, 5, 4, word, [3]errno{eInval, eInval, eInval}},
		{"write where one may not", "odd", cmdWrite, 0, 0, 4, word, [3]errno{ePerm, ePerm, ePerm}},
		{"flush", "v", cmdFlush, 0, 0, 0, nil, [3]errno{}},
		{"flush where one may not write", "odd", cmdFlush, 0, 0, 0, nil, [3]errno{}},
		{"flush a range", "v", cmdFlush, 0, 0, 1, nil, [3]errno{eInval, eInval, eInval}},
		{"flush somewhere", "v", cmdFlush, 0, 1, 0, nil, [3]errno{eInval, eInval, eInval}},
		{"trim", "v", cmdTrim, cmdFlagFUA, 0, all, nil, [3]errno{}},
		{"trim beyond", "v", cmdTrim, 0, 1, all, nil, [3]errno{eInval, eInval, eInval}},
		{"trim where one may not", "odd", cmdTrim, 0, 0, 512, nil, [3]errno{ePerm, ePerm, ePerm}},
		{"zero", "v", cmdWriteZeroes, cmdFlagFUA | cmdFlagNoHole, 0, all, nil, [3]errno{}},
		{"zero fast", "v", cmdWriteZeroes, cmdFlagFastZero, 0, all, nil, [3]errno{}},
		{"zero fast, but slow", "v", cmdWriteZeroes, cmdFlagFastZero | cmdFlagNoHole, 0, all, nil, [3]errno{eNotSup, eNotSup, eNotSup}},
		{"zero beyond", "v", cmdWriteZeroes, 0, 1, all, nil, [3]errno{eNoSpc, eNoSpc, eNoSpc}},
		{"zero where one may not", "odd", cmdWriteZeroes, 0, 0, 512, nil, [3]errno{ePerm, ePerm, ePerm}},
		{"cache", "odd", cmdCache, 0, 0, 64 << 20, nil, [3]errno{}},
		{"cache beyond", "v", cmdCache, 0, all, 1, nil, [3]errno{eInval, eInval, eInval}},
		{"cache with a flag", "v", cmdCache, cmdFlagDF, 0, 1, nil, [3]errno{eInval, eInval, eInval}},
		{"status unselected", "odd", cmdBlockStatus, 0, 0, 512, nil, [3]errno{noStatus, noStatus, noStatus}},
		{"unknown command", "v", 99, 0, 0, 0, nil, [3]errno{eInval, eInval, eInval}},
		{"resize", "v", 8, 0, 0, 0, nil, [3]errno{eInval, eInval, eInval}},
	}
	forStyles(t, func(t *testing.T, s style) {
		exports := twoVolumes()
		srv := newTestServer(t, Config{Exports: exports})
		clients := map[string]*client{"odd": dial(t, srv).attach(s, "odd"), "v": dial(t, srv).attach(s, "v")}
		for _, test := range tests {
			c := clients[test.export]
			r := c.do(test.cmd, test.flags, test.off, test.n, test.payload)
			require.Equal(t, test.want[s], r.errno, test.name)
			if r.errno != 0 && s != styleSimple {
				require.NotEmpty(t, r.text, test.name)
			}
		}
		flushes, durable := exports[0].counts()
		require.Equal(t, 1, flushes)
		require.Equal(t, 3, durable, "what has FUA reaches the export with it")
	})
}

// A payload of a request that is refused is skipped, whatever there is of it.
func TestRefusedPayloadIsSkipped(t *testing.T) {
	v := newMemVolume("v", 33<<20)
	srv := newTestServer(t, Config{Exports: memExports{v}})
	big := make([]byte, MaxPayload+1)
	c := dial(t, srv).attach(styleSimple, "v")
	require.Equal(t, eInval, c.errnoOfDo(cmdWrite, 0, 0, uint64(len(big)), big))
	require.Zero(t, c.errnoOfDo(cmdWrite, 0, 0, MaxPayload, big[:MaxPayload]))
	c = dial(t, srv).attach(styleExtended, "v")
	require.Equal(t, eInval, c.errnoOfDo(cmdRead, 0, 0, 70_000, big[:70_000]))
	require.Equal(t, eInval, c.errnoOfDo(cmdDisc, 0, 0, 3, big[:3]))
	require.Equal(t, eInval, c.errnoOfDo(99, 0, 0, 3, big[:3]))
	require.Equal(t, eInval, c.errnoOfDo(cmdWrite, 0, 0, 3, nil), "WRITE without a payload")
	require.Equal(t, eInval, c.errnoOfDo(cmdWrite, cmdFlagPayloadLen, 0, 0, nil), "an empty payload")
	require.Zero(t, c.errnoOfDo(cmdRead, 0, 0, MaxPayload, nil))
}

// Who breaks the framing, or announces more than may be sent, is hung up on.
func TestTransmissionViolations(t *testing.T) {
	huge := header{cmd: cmdWrite, length: maxRefused + 1}
	announced := header{cmd: cmdWrite, flags: cmdFlagPayloadLen, length: MaxPayload + 1}
	status := header{cmd: cmdBlockStatus, flags: cmdFlagPayloadLen, length: math.MaxUint64}
	for name, test := range map[string]struct {
		style style
		send  func(c *client) []byte
	}{
		"wrong magic":    {styleSimple, func(*client) []byte { return make([]byte, lenRequest) }},
		"a reply":        {styleSimple, func(*client) []byte { return join(u32(magicSimpleReply), make([]byte, 24)) }},
		"extended style": {styleStructured, func(*client) []byte { return join(u32(magicExtendedRequest), make([]byte, 28)) }},
		"short style":    {styleExtended, func(*client) []byte { return join(u32(magicRequest), make([]byte, 28)) }},
		"huge payload":   {styleSimple, func(c *client) []byte { b, _ := c.request(nil, huge, nil); return b }},
		"large payload":  {styleExtended, func(c *client) []byte { b, _ := c.request(nil, announced, nil); return b }},
		"huge status":    {styleExtended, func(c *client) []byte { b, _ := c.request(nil, status, nil); return b }},
	} {
		t.Run(name, func(t *testing.T) {
			v := newMemVolume("v", 1<<20)
			c := dial(t, newTestServer(t, Config{Exports: memExports{v}})).attach(test.style, "v")
			c.write(test.send(c))
			c.requireHangUp()
		})
	}
}

func TestErrorsOfExports(t *testing.T) {
	v := newMemVolume("v", 1<<20)
	var failure atomic.Pointer[error]
	fails := func(err error) { failure.Store(&err) }
	v.before = func(context.Context, command, int64, int64) error { return *failure.Load() }
	srv := newTestServer(t, Config{Exports: memExports{v}})
	forStyles(t, func(t *testing.T, s style) {
		c := dial(t, srv).attach(s, "v")
		for kind := store.KindInternal; kind <= store.KindTooLarge; kind++ {
			want := eIO
			if e, ok := errnos[kind]; ok {
				want = e
			}
			fails(fmt.Errorf("deep down: %w", &store.Error{Op: "secret", Kind: kind, Hint: "ask later", Err: io.EOF}))
			for _, cmd := range []command{cmdRead, cmdWrite, cmdTrim, cmdCache, cmdWriteZeroes} {
				var payload []byte
				if cmd == cmdWrite {
					payload = make([]byte, 512)
				}
				r := c.do(cmd, 0, 0, 512, payload)
				require.Equal(t, want, r.errno, "%s: %s", kind, cmd)
				if s != styleSimple {
					require.Equal(t, kind.String()+": ask later", r.text)
				}
			}
			require.Equal(t, want, c.errnoOfDo(cmdFlush, 0, 0, 0, nil))
		}
		fails(errors.New("secret"))
		require.Equal(t, eIO, c.errnoOfDo(cmdFlush, 0, 0, 0, nil), "an error of no kind")
		fails(ErrSlowZero)
		require.Equal(t, eIO, c.errnoOfDo(cmdWriteZeroes, 0, 0, 512, nil), "only a fast zero may be refused as slow")
		fails(&store.Error{Kind: store.KindDenied, Hint: strings.Repeat("ü", maxString) + "\xff\x00"})
		require.Equal(t, ePerm, c.errnoOfDo(cmdFlush, 0, 0, 0, nil))
		fails(nil)
		require.Zero(t, c.errnoOfDo(cmdFlush, 0, 0, 0, nil))
	})
}

// Reads come with their holes left out if the client can tell and they are worth
// it, and as zeros if not.
func TestReadHoles(t *testing.T) {
	v := newMemVolume("v", 1<<20)
	srv := newTestServer(t, Config{Exports: memExports{v}})
	writer := dial(t, srv).attach(styleSimple, "v")
	word := bytes.Repeat([]byte("data"), 1024)
	require.Zero(t, writer.errnoOfDo(cmdWrite, 0, 64<<10, 4096, word))
	want := make([]byte, 200<<10)
	copy(want[64<<10:], word)
	for _, n := range []int{4096, 8192, 12 << 10, len(want)} { // the next buffers are dirty
		b := arena.Get(n)
		copy(b, bytes.Repeat([]byte{0xa5}, n))
		arena.Put(b)
	}

	full := []chunkType{chunkOffsetData}
	for _, test := range []struct {
		style  style
		flags  uint16
		off, n int
		chunks []chunkType
	}{
		{styleSimple, 0, 0, len(want), nil},
		{styleStructured, 0, 0, len(want), []chunkType{chunkOffsetHole, chunkOffsetData, chunkOffsetHole}},
		{styleExtended, 0, 0, len(want), []chunkType{chunkOffsetHole, chunkOffsetData, chunkOffsetHole}},
		{styleStructured, cmdFlagDF, 0, len(want), full},
		{styleExtended, cmdFlagDF, 100, 50, full},
		{styleStructured, 0, 64 << 10, 4096, full},
		{styleStructured, 0, 64<<10 - 4096, 8192, []chunkType{chunkOffsetHole, chunkOffsetData}},
		{styleStructured, 0, 64<<10 - 4095, 8192, full},
		{styleStructured, 0, 64<<10 + 1, 8192 + 4095, []chunkType{chunkOffsetData, chunkOffsetHole}},
		{styleExtended, 0, 0, 4096, []chunkType{chunkOffsetHole}},
		{styleExtended, 0, 17, 100, full},
	} {
		c := dial(t, srv).attach(test.style, "v")
		r := c.do(cmdRead, test.flags, uint64(test.off), uint64(test.n), nil)
		require.Equal(t, want[test.off:test.off+test.n], r.data, "%+v", test)
		require.Equal(t, test.chunks, r.chunks, "%+v", test)
	}
}

// Holes that an export reports wrongly make an error, not a wrong reply.
func TestWrongHoles(t *testing.T) {
	for _, add := range [][2]int{{-1, 2}, {99, 2}, {0, 101}, {20, 10}} {
		var h Holes
		h.Add(30, 10)
		h.Add(add[0], add[1])
		require.Error(t, h.check(100), "%v", add)
	}
	var h Holes
	h.Add(0, 10)
	h.Add(10, 0)
	h.Add(10, 90)
	require.NoError(t, h.check(100))
	require.Len(t, h.runs, 1)
}

// The volume grows under a connection: what was beyond the end no longer is.
func TestResize(t *testing.T) {
	v := newMemVolume("v", 1<<20)
	c := dial(t, newTestServer(t, Config{Exports: memExports{v}})).attach(styleSimple, "v")
	require.Equal(t, eInval, c.errnoOfDo(cmdRead, 0, 1<<20, 4096, nil))
	v.grow(2 << 20)
	require.Zero(t, c.errnoOfDo(cmdRead, 0, 1<<20, 1<<20, nil))
	require.Zero(t, c.errnoOfDo(cmdWrite, 0, 2<<20-1, 1, []byte{1}))
}

func TestDisconnect(t *testing.T) {
	v := newMemVolume("v", 1<<20)
	srv := newTestServer(t, Config{Exports: memExports{v}})
	release, begun := make(chan struct{}), make(chan struct{}, 8)
	v.before = func(context.Context, command, int64, int64) error {
		begun <- struct{}{}
		<-release
		return nil
	}
	c := dial(t, srv).attach(styleSimple, "v")
	c.send(cmdWrite, 0, 0, 4, []byte("last"))
	<-begun
	c.send(cmdDisc, 0, 0, 0, nil)
	close(release)
	require.Zero(t, c.recv().errno, "what is in flight is answered")
	c.requireHangUp()
	require.Eventually(t, func() bool { return len(v.attachments()) == 0 }, eventually, tick)
}

// binaryStatus is the payload of a BLOCK_STATUS about some contexts.
func binaryStatus(n uint64, ids ...uint32) []byte {
	b := binary.BigEndian.AppendUint64(nil, n)
	for _, id := range ids {
		b = binary.BigEndian.AppendUint32(b, id)
	}
	return b
}
