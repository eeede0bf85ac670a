package arena

import (
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
	"pgregory.net/rapid"
)

func TestClassesCoverEverySize(t *testing.T) {
	require.Equal(t, MaxBuffer, classSize(numClasses-1))
	for c := range numClasses {
		size := classSize(c)
		require.Equal(t, c, classOf(size))
		require.Zero(t, size%4096)
		require.Zero(t, spanSize(c)%size, "class %d leaves a rest", c)
		if c > 0 {
			require.Equal(t, c, classOf(classSize(c-1)+1))
			require.LessOrEqual(t, size, 2*classSize(c-1))
		}
	}
	require.Equal(t, 0, classOf(0))
}

// Buffers that are out never share a byte, however they are cut before Put.
func TestBuffersAreDisjoint(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		CheckLeaks(t)
		type held struct {
			b    []byte
			mark byte
		}
		var out []held
		free := func(i int) {
			h := out[i]
			for _, j := range []int{0, len(h.b) / 2, len(h.b) - 1} {
				if h.b[j] != h.mark {
					t.Fatalf("byte %d of a buffer of %d changed", j, len(h.b))
				}
			}
			cut := rapid.IntRange(0, len(h.b)-1).Draw(t, "cut")
			Put(h.b[cut:])
			out = append(out[:i], out[i+1:]...)
		}
		for step := range rapid.IntRange(1, 60).Draw(t, "steps") {
			if len(out) > 0 && rapid.Bool().Draw(t, "free") {
				free(rapid.IntRange(0, len(out)-1).Draw(t, "which"))
				continue
			}
			n := rapid.IntRange(1, 1<<rapid.IntRange(1, 22).Draw(t, "bits")).Draw(t, "n")
			h := held{b: Get(n), mark: byte(step)}
			require.Len(t, h.b, n)
			h.b[0], h.b[n/2], h.b[n-1] = h.mark, h.mark, h.mark
			out = append(out, h)
		}
		for len(out) > 0 {
			free(0)
		}
	})
}

func TestDoubleFreePanics(t *testing.T) {
	b := Get(5000)
	Put(b)
	require.Panics(t, func() { Put(b[100:]) })
}

func TestForeignAndOversizedAreIgnored(t *testing.T) {
	CheckLeaks(t)
	Put(nil)
	Put(make([]byte, 100))
	before := ReadStats().Oversized
	Put(Get(MaxBuffer + 1))
	require.Equal(t, before+1, ReadStats().Oversized)
}

func TestNoAllocationOnceWarm(t *testing.T) {
	Put(Get(1 << 20))
	require.Zero(t, testing.AllocsPerRun(100, func() { Put(Get(1 << 20)) }))
}

type leakRecorder struct {
	end    func()
	failed bool
}

func (l *leakRecorder) Helper()               {}
func (l *leakRecorder) Cleanup(f func())      { l.end = f }
func (l *leakRecorder) Errorf(string, ...any) { l.failed = true }

func TestLeakIsReported(t *testing.T) {
	var l leakRecorder
	CheckLeaks(&l)
	b := Get(1)
	l.end()
	require.True(t, l.failed)
	Put(b)
}

func TestConcurrentUse(t *testing.T) {
	CheckLeaks(t)
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			for i := range 500 {
				b := Get(1 + (i*7919+g)%100_000)
				b[0], b[len(b)-1] = byte(g), byte(g)
				if b[0] != byte(g) || b[len(b)-1] != byte(g) {
					t.Error("two owners of one buffer")
				}
				Put(b)
			}
		})
	}
	wg.Wait()
}

func BenchmarkGetPut(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		Put(Get(1 << 20))
	}
}

// BenchmarkFirstTouch compares what fresh memory costs per MiB by CPU time.
func BenchmarkFirstTouch(b *testing.B) {
	const size = 4 << 20
	touch := func(m []byte) {
		for i := 0; i < len(m); i += 4096 {
			m[i] = 1
		}
	}
	for name, advise := range map[string]func([]byte){
		"fault":         func([]byte) {},
		"populate":      func(m []byte) { _ = unix.Madvise(m, unix.MADV_POPULATE_WRITE) },
		"huge":          func(m []byte) { _ = unix.Madvise(m, unix.MADV_HUGEPAGE) },
		"huge+populate": func(m []byte) { _ = unix.Madvise(m, unix.MADV_HUGEPAGE); _ = unix.Madvise(m, unix.MADV_POPULATE_WRITE) },
	} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(size)
			for b.Loop() {
				raw, err := unix.Mmap(-1, 0, size+hugePage, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_ANON|unix.MAP_PRIVATE)
				require.NoError(b, err)
				skip := -address(raw) & (hugePage - 1)
				mem := raw[skip : int(skip)+size]
				advise(mem)
				touch(mem)
				require.NoError(b, unix.Munmap(raw))
			}
		})
	}
}
