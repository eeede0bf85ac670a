package nbdtest

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"cairn/blockapi/nbd"
	"cairn/internal/arena"
)

// TB is a test, of the testing package or of rapid.
type TB interface {
	arena.TB
	FailNow()
}

// span is how much of a volume the suite uses, in bytes.
const span = 1 << 20

// Run checks exports that open returns. Each must be of a fresh volume that
// reads as zeros, may be written to and has at least 1 MiB. What open needs to
// undo it leaves to t.Cleanup; the export is detached before, and every buffer
// must be back in the arena after.
func Run(t *testing.T, open func(t TB) nbd.Export) {
	t.Run("Model", func(t *testing.T) {
		rapid.Check(t, func(t *rapid.T) { runModel(t, open) })
	})
	t.Run("Concurrent", func(t *testing.T) { runConcurrent(t, attach(t, open)) })
	t.Run("Cancelled", func(t *testing.T) { runCancelled(t, attach(t, open)) })
}

// attach opens an export and detaches it at the end.
func attach(t TB, open func(t TB) nbd.Export) nbd.Export {
	t.Helper()
	arena.CheckLeaks(t)
	e := open(t)
	t.Cleanup(e.Detach)
	require.GreaterOrEqual(t, e.Size(), int64(span))
	require.Equal(t, e.Size(), e.Info().Size)
	require.False(t, e.Info().ReadOnly)
	return e
}

// read reads n bytes at off, over a buffer of rubbish.
func read(t TB, e nbd.Export, off, n int64) []byte {
	t.Helper()
	p := arena.Get(int(n))
	defer arena.Put(p)
	for i := range p {
		p[i] = 0xa5
	}
	var holes nbd.Holes
	require.NoError(t, e.Read(context.Background(), p, off, &holes))
	require.NoError(t, holes.Fill(p))
	return append([]byte(nil), p...)
}

// write writes a copy of data.
func write(ctx context.Context, e nbd.Export, data []byte, off int64, fua bool) error {
	p := arena.Get(len(data))
	copy(p, data)
	return e.Write(ctx, p, off, fua)
}

// stamp returns n bytes, none of them zero, that differ with what.
func stamp(n int64, what string) []byte {
	p := make([]byte, n)
	for i := range p {
		p[i] = what[i%len(what)]
	}
	return p
}

// runConcurrent has several writers, each in stripes of its own, read what they
// wrote while the others go on.
func runConcurrent(t *testing.T, e nbd.Export) {
	const writers, stripe = 8, 16 << 10
	ctx := context.Background()
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for round := range 20 {
				for at := int64(w) * stripe; at < span; at += writers * stripe {
					data := stamp(stripe, fmt.Sprintf("%d.%d ", w, round))
					if err := write(ctx, e, data, at, round%7 == 0); err != nil {
						t.Error(err)
						return
					}
					if round%5 == 0 && string(data) != string(read(t, e, at, stripe)) {
						t.Errorf("at %d a writer does not read what it wrote", at)
						return
					}
				}
				if err := e.Flush(ctx); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
}

// runCancelled makes requests that are cancelled already: they may fail, but
// must return, and give their buffers back.
func runCancelled(t *testing.T, e nbd.Export) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	for range 10 {
		_ = write(ctx, e, stamp(4096, "gone "), 0, true)
		p := arena.Get(4096)
		_ = e.Read(ctx, p, 0, new(nbd.Holes))
		arena.Put(p)
		_ = e.Flush(ctx)
		_ = e.Trim(ctx, 0, 4096, true)
		_ = e.Zero(ctx, 0, 4096, nbd.ZeroMode{})
		_ = e.Cache(ctx, 0, 4096)
		for _, err := range e.Extents(ctx, nbd.MetaContext{}, 0, 4096) {
			if err != nil {
				break
			}
		}
	}
	require.NoError(t, write(context.Background(), e, stamp(4096, "here "), 0, false))
	require.Equal(t, stamp(4096, "here "), read(t, e, 0, 4096))
}
