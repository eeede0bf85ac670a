package nbd

import (
	"encoding/binary"
	"fmt"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// BenchmarkTransmission measures requests against a volume in memory over a unix
// socket. cpu-µs/op is the CPU time of the whole process, the client's included.
func BenchmarkTransmission(b *testing.B) {
	for _, bench := range []struct {
		cmd   command
		size  int
		queue int
	}{
		{cmdRead, 4 << 10, 1}, {cmdRead, 4 << 10, 32}, {cmdWrite, 4 << 10, 32},
		{cmdRead, 1 << 20, 8}, {cmdWrite, 1 << 20, 8},
	} {
		b.Run(fmt.Sprintf("%s/%dKiB/queue%d", bench.cmd, bench.size>>10, bench.queue), func(b *testing.B) {
			v := newMemVolume("v", 64<<20)
			v.fill()
			s := newTestServer(b, Config{Exports: memExports{v}})
			l := newLoad(dial(b, s).attach(styleSimple, "v"), bench.cmd, bench.size, bench.queue)
			require.NoError(b, l.c.conn.SetDeadline(time.Time{}))
			l.run(10 * bench.queue)
			b.SetBytes(int64(bench.size))
			b.ReportAllocs()
			before := cpuTime()
			b.ResetTimer()
			l.run(b.N)
			b.ReportMetric(float64((cpuTime()-before).Microseconds())/float64(b.N), "cpu-µs/op")
		})
	}
}

// load keeps a queue of equal requests full and costs little itself.
type load struct {
	c       *client
	queue   int
	request []byte // as it is sent
	size    int    // of a reply
	sign    uint32 // what is in a reply behind its magic
	at      uint64
	span    uint64
}

func newLoad(c *client, cmd command, size, queue int) *load {
	l := &load{c: c, queue: queue, size: lenSimpleReply, span: 64 << 20}
	h := header{cmd: cmd, length: uint64(size)}
	var payload []byte
	if c.style == styleExtended {
		l.size, l.sign = lenExtendedReply, uint32(chunkDone)<<16
	}
	if cmd == cmdWrite {
		payload = make([]byte, size)
	} else {
		l.size += size
	}
	switch {
	case c.style == styleExtended && cmd == cmdWrite:
		h.flags = cmdFlagPayloadLen
	case c.style == styleExtended:
		l.size, l.sign = l.size+8, l.sign|uint32(chunkOffsetData)
	}
	l.request, _ = c.request(nil, h, payload)
	return l
}

// run does n requests.
func (l *load) run(n int) {
	batch := make([]byte, 0, l.queue*len(l.request))
	for sent, got := 0, 0; got < n; {
		batch = batch[:0]
		for ; sent < n && sent-got < l.queue; sent++ {
			from := len(batch)
			batch = append(batch, l.request...)
			binary.BigEndian.PutUint64(batch[from+16:], l.at)
			l.at = (l.at + 1<<20 + 4096) % l.span &^ 4095
			l.at = min(l.at, l.span-1<<20)
		}
		if len(batch) > 0 {
			l.c.write(batch)
		}
		for first := true; got < sent && (first || l.c.in.Buffered() >= l.size); first = false {
			l.take()
			got++
		}
	}
}

// take takes a reply. It compares by hand: require allocates.
func (l *load) take() {
	b, err := l.c.in.Peek(8)
	if err == nil && binary.BigEndian.Uint32(b[4:]) == l.sign {
		_, err = l.c.in.Discard(l.size)
		if err == nil {
			return
		}
	}
	require.Fail(l.c.t, "a wrong reply", "%x: %v", b, err)
}

func cpuTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
