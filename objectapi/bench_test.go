package objectapi

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"cairn/iam"
	"cairn/objectapi/machine"
	"cairn/store"
	"cairn/store/memstore"
)

// blackHole keeps the first object of blobs and forgets later ones: what remains
// is the gateway's own cost. Reads give any bytes.
type blackHole struct {
	*memstore.Store
	pool  sync.Pool
	full  atomic.Bool
	reply atomic.Pointer[[]byte] // of the first commit
}

func (b *blackHole) Put(ctx context.Context, owner store.Owner, class store.Class, payload []byte) (store.Placed, error) {
	if b.full.Load() {
		return store.Placed{Ref: store.Ref{Len: uint32(len(payload))}, Gen: 1}, nil
	}
	return b.Store.Put(ctx, owner, class, payload)
}

func (b *blackHole) Do(ctx context.Context, ns store.NS, key, cmd []byte, placed ...store.Placed) ([]byte, error) {
	if b.full.Load() && len(placed) > 0 {
		return *b.reply.Load(), nil
	}
	reply, err := b.Store.Do(ctx, ns, key, cmd, placed...)
	b.reply.Store(&reply)
	b.full.Store(len(placed) > 0)
	return reply, err
}

func (b *blackHole) Get(_ context.Context, _ store.Ref, off, n int) (*store.Bytes, error) {
	return store.NewBytes([][]byte{zeros[off : off+n]}, nil), nil
}

func (b *blackHole) Buffer(n int) []byte {
	if v, ok := b.pool.Get().([]byte); ok && cap(v) >= n {
		return v[:n]
	}
	return make([]byte, n, store.MaxBlob)
}

func (b *blackHole) FreeBuffer(v []byte) { b.pool.Put(v) }

var zeros = make([]byte, store.MaxBlob)

// nowhere is a response writer without a connection.
type nowhere struct {
	header http.Header
	status int
	bytes  int64
}

func (n *nowhere) Header() http.Header { return n.header }
func (n *nowhere) WriteHeader(s int)   { n.status = s }
func (n *nowhere) Write(b []byte) (int, error) {
	n.bytes += int64(len(b))
	return len(b), nil
}

func cpuSeconds() float64 {
	var r syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &r)
	return float64(r.Utime.Nano()+r.Stime.Nano()) / 1e9
}

func BenchmarkGateway(b *testing.B) {
	for _, size := range []int{4 << 10, 64 << 10, 8 << 20} {
		for _, method := range []string{"PUT", "GET"} {
			for _, clients := range []int{1, 8} {
				b.Run(fmt.Sprintf("%s-%dKiB-%d", method, size>>10, clients), func(b *testing.B) {
					benchmark(b, method, size, clients)
				})
			}
		}
	}
}

func benchmark(b *testing.B, method string, size, clients int) {
	mem := memstore.New(machine.New())
	e := &env{t: b, mem: mem, iam: iam.New(mem, [32]byte{7})}
	e.key = e.user("alice")
	var err error
	e.gateway, err = New(Config{Store: &blackHole{Store: mem}, IAM: e.iam})
	require.NoError(b, err)
	defer e.gateway.Close()
	_, err = mem.CreateName(b.Context(), store.Name{Kind: store.NameBucket, Name: "bench", Owner: owner(e)})
	require.NoError(b, err)
	body := pattern(size)
	sum := sha256.Sum256(body)
	hash := hex.EncodeToString(sum[:])
	one := func(method string) {
		req, err := http.NewRequest(method, "http://h/bench/k", nil)
		require.NoError(b, err)
		req.RequestURI = req.URL.Path
		payload := emptyHash
		if method == "PUT" {
			req.Body, req.ContentLength, payload = io.NopCloser(bytes.NewReader(body)), int64(size), hash
		}
		e.sign(req, e.key, payload, time.Now())
		w := &nowhere{header: http.Header{}}
		e.gateway.ServeHTTP(w, req)
		require.Equal(b, 200, w.status)
	}
	one("PUT")
	b.SetBytes(int64(size))
	b.ResetTimer()
	before := cpuSeconds()
	var next atomic.Int64
	var wg sync.WaitGroup
	for range clients {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for next.Add(1) <= int64(b.N) {
				one(method)
			}
		}()
	}
	wg.Wait()
	cpu := cpuSeconds() - before
	b.ReportMetric(cpu/float64(b.N)*1e6, "cpu-µs/op")
	b.ReportMetric(cpu/float64(b.N)/float64(size)*(1<<30), "cpu-s/GiB")
}

func owner(e *env) string {
	users, err := e.iam.Users(context.Background())
	require.NoError(e.t, err)
	return users[0].CanonicalID
}
