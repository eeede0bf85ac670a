package machine

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"cairn/store"
)

// randomPlaces returns n pages in different chunks of a volume of 4 GiB.
func randomPlaces(r *rand.Rand, n int) []at {
	chunks := r.Perm(4 * gibChunks)[:n]
	slices.Sort(chunks)
	out := make([]at, n)
	for i, c := range chunks {
		out[i] = at{uint32(c), uint32(r.IntN(ChunkPages))}
	}
	return out
}

// BenchmarkFlush commits 4 MiB of random pages, each in a chunk of its own; the
// blob is stored outside the time. The volume was written so
// often that its chunks have tens of runs; "snapshot" takes one before each
// flush, so that each chunk's row is copied.
func BenchmarkFlush(b *testing.B) {
	for _, name := range []string{"overwrite", "snapshot"} {
		b.Run(name, func(b *testing.B) {
			e := newEnv(b)
			v := e.create(4)
			r := rand.New(rand.NewPCG(1, 2))
			for range 100 {
				e.flush(v, randomPlaces(r, MaxFlushChunks)...)
			}
			b.ReportAllocs()
			for b.Loop() {
				b.StopTimer()
				if name == "snapshot" {
					e.snapshot(v)
				}
				now := e.volume(v)
				f := &Flush{Branch: v, Epoch: now.Epoch, From: now.Flushed, Upto: now.Flushed + 1, Blobs: []store.Placed{e.blob(MaxFlushChunks)}}
				for i, p := range randomPlaces(r, MaxFlushChunks) {
					f.Chunks = append(f.Chunks, ChunkRuns{p.chunk, []Run{{Page: int(p.page), Pages: 1, Blob: f.Blobs[0].Ref, Off: i}}})
				}
				b.StartTimer()
				if _, err := e.c.Flush(ctx, e.ns, f); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkPageMap asks for 256 chunks of tens of runs each, and for one.
func BenchmarkPageMap(b *testing.B) {
	e := newEnv(b)
	v := e.create(4)
	r := rand.New(rand.NewPCG(1, 2))
	for range 100 {
		e.flush(v, randomPlaces(r, MaxFlushChunks)...)
	}
	for name, n := range map[string]int{"chunks=1": 1, "chunks=256": MaxMapChunks} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				p, err := e.c.PageMap(ctx, e.ns, Target{Branch: v}, 100, n)
				require.NoError(b, err)
				if len(p.Chunks) != n {
					b.Fatal(len(p.Chunks))
				}
			}
		})
	}
}
