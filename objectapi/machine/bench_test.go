package machine

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
)

// BenchmarkPut replaces an object of one blob; the blob's own cost is not in it.
func BenchmarkPut(b *testing.B) {
	e := newEnv(b, 1)
	keys := make([]string, 1000)
	for i := range keys {
		keys[i] = fmt.Sprintf("photos/2026/%06d.jpg", i)
	}
	puts := make([]*Put, b.N)
	for i := range puts {
		puts[i] = e.object(keys[i%len(keys)], "x", 1)
		puts[i].Meta = Meta{ContentType: "image/jpeg", User: []Pair{{"camera", "x100"}}}
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if _, err := e.c.Put(ctx, e.ns, keys[i%len(keys)], puts[i%len(puts)]); err != nil && i < len(puts) {
			b.Fatal(err)
		}
	}
}

func BenchmarkGet(b *testing.B) {
	e := newEnv(b, 1)
	e.put("photos/2026/000001.jpg", "x", 1)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := e.c.Get(ctx, e.ns, "photos/2026/000001.jpg", Whole); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkList lists 1,000 keys a time, plain and as 1,000 groups of 20.
func BenchmarkList(b *testing.B) {
	e := newEnv(b, 1)
	for i := range 20_000 {
		p := e.object(fmt.Sprintf("d/%04d/%02d", i/20, i%20), "x")
		p.Meta = Meta{ContentType: "image/jpeg"}
		_, err := e.c.Put(ctx, e.ns, fmt.Sprintf("d/%04d/%02d", i/20, i%20), p)
		require.NoError(b, err)
	}
	for _, delimiter := range []string{"", "/"} {
		b.Run("delimiter="+delimiter, func(b *testing.B) {
			for b.Loop() {
				p, err := e.c.List(ctx, e.ns, List{Prefix: "d/", Delimiter: delimiter, Max: MaxPage})
				if err != nil || len(p.Entries)+len(p.Prefixes) != MaxPage {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkComplete completes 10,000 parts with a full-object checksum; each
// upload's preparation is not counted.
func BenchmarkComplete(b *testing.B) {
	for b.Loop() {
		b.StopTimer()
		e := newEnv(b, 1)
		id, list, _ := bigUpload(e, "k", MaxParts)
		b.StartTimer()
		if _, err := e.c.Complete(ctx, e.ns, "k", id, &Complete{Parts: list}); err != nil {
			b.Fatal(err)
		}
	}
}
