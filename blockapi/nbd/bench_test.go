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
			for i := range v.mu.written {
				v.mu.written[i] = true
			}
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
	at      uint64
	span    uint64
	reply   []byte
}

func newLoad(c *client, cmd command, size, queue int) *load {
	l := &load{c: c, queue: queue, size: lenSimpleReply, span: 64 << 20}
	var payload []byte
	if cmd == cmdWrite {
		payload = make([]byte, size)
	} else {
		l.size += size
	}
	l.request, _ = c.request(nil, header{cmd: cmd, length: uint64(size)}, payload)
	l.reply = make([]byte, l.size)
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
			_, err := l.c.conn.Write(batch)
			require.NoError(l.c.t, err)
		}
		for first := true; got < sent && (first || l.c.in.Buffered() >= l.size); first = false {
			b, err := l.c.in.Peek(min(l.size, 4096))
			require.NoError(l.c.t, err)
			require.Zero(l.c.t, binary.BigEndian.Uint32(b[4:]))
			_, err = l.c.in.Discard(l.size)
			require.NoError(l.c.t, err)
			got++
		}
	}
}

func cpuTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
