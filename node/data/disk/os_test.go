package disk

import (
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"cairn/internal/arena"
	"cairn/store"
)

func TestOnTheRealFilesystem(t *testing.T) {
	arena.CheckLeaks(t)
	dir := filepath.Join(t.TempDir(), "disk")
	_, err := Open(dir, Options{})
	require.True(t, store.Is(err, store.KindNotFound), "%v", err)
	require.NoError(t, Format(dir, Identity{UUID: testID.UUID}))
	require.True(t, store.Is(Format(dir, testID), store.KindExists))

	d, err := Open(dir, Options{SegmentBytes: 4 << 20})
	require.NoError(t, err)
	_, err = Open(dir, Options{})
	require.True(t, store.Is(err, store.KindConflict), "%v", err)
	require.NoError(t, d.Adopt(testID.Cluster, testID.Disk))
	require.NoError(t, d.Adopt(testID.Cluster, testID.Disk))
	require.Error(t, d.Adopt(testID.Cluster, 99))
	require.Equal(t, testID, d.Identity())

	// Many parts: more than one system call can take.
	id := ShardID{blob(1, 1), 0}
	body := content(id, 1<<20, 0)
	var parts [][]byte
	for i := 0; i < len(body); i += 500 {
		parts = append(parts, body[i:min(i+500, len(body))])
	}
	require.NoError(t, d.Write(bg, shardOf(id), 1, parts, CRC(body)))
	for seq := uint32(2); seq < 8; seq++ {
		require.NoError(t, d.Write(bg, shardOf(ShardID{blob(1, seq), 0}), 1, [][]byte{body}, CRC(body)))
	}
	before := allocated(t, dir)
	require.NoError(t, d.Delete(bg, []store.BlobID{blob(1, 2), blob(1, 3)}))
	require.LessOrEqual(t, allocated(t, dir), before-2*(1<<20-pageSize))
	require.NoError(t, d.Close())

	d, err = Open(dir, Options{SegmentBytes: 4 << 20})
	require.NoError(t, err)
	require.Equal(t, testID, d.Identity())
	data, crc, err := d.Read(bg, id, 0, -1)
	require.NoError(t, err)
	require.Equal(t, CRC(body), crc)
	require.Equal(t, body, data)
	arena.Put(data)
	require.NoError(t, d.Abandon())

	d, err = Open(dir, Options{})
	require.NoError(t, err)
	st, err := d.Stats()
	require.NoError(t, err)
	require.True(t, st.Recovered)
	require.Equal(t, int64(5), st.Shards)
	require.NoError(t, d.Close())
	require.NoError(t, d.Close())
	require.Equal(t, "closed", store.ReasonOf(d.Delete(bg, nil)))
}

// allocated returns the blocks of a directory's segments, in bytes.
func allocated(t *testing.T, dir string) (n int64) {
	files, err := filepath.Glob(filepath.Join(dir, "*.seg"))
	require.NoError(t, err)
	for _, f := range files {
		st, err := os.Stat(f)
		require.NoError(t, err)
		n += st.Sys().(*syscall.Stat_t).Blocks * 512
	}
	return n
}

func TestBadRequestsChangeNothing(t *testing.T) {
	b := newBench(t)
	defer b.close()
	id := ShardID{blob(1, 1), 0}
	body := []byte("x")
	for name, bad := range map[string]func(*Shard){
		"no data shards":   func(s *Shard) { s.K = 0 },
		"code too wide":    func(s *Shard) { s.K, s.M = 200, 100 },
		"index beyond":     func(s *Shard) { s.Index = 4 },
		"blob too long":    func(s *Shard) { s.BlobLen = store.MaxBlob + 1 },
		"owner key length": func(s *Shard) { s.Owner.Key = make([]byte, MaxKey+1) },
	} {
		sh := shardOf(id)
		bad(&sh)
		require.True(t, store.Is(b.d.Write(bg, sh, 1, [][]byte{body}, CRC(body)), store.KindInvalid), name)
	}
	require.True(t, store.Is(b.d.Write(bg, shardOf(id), 1, nil, 0), store.KindInvalid))
	require.Equal(t, "body-crc", store.ReasonOf(b.d.Write(bg, shardOf(id), 1, [][]byte{body}, 1)))
	_, _, err := b.d.List(bg, 1, blob(2, 1), 10, false)
	require.True(t, store.Is(err, store.KindInvalid))
	require.True(t, store.Is(b.d.Evict(bg, 0, 0, make([]ShardID, maxBatch+1)), store.KindTooLarge))
	require.Equal(t, Absent, b.state(id))
}

// cpuSeconds returns what the process has used.
func cpuSeconds() float64 {
	var r syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &r)
	return float64(r.Utime.Nano()+r.Stime.Nano()) / 1e9
}

// parallel has clients do b.N operations among them.
func parallel(b *testing.B, clients int, op func() error) {
	var left atomic.Int64
	left.Store(int64(b.N))
	var wg sync.WaitGroup
	for range clients {
		wg.Go(func() {
			for left.Add(-1) >= 0 {
				if err := op(); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
}

// BenchmarkShards reports CPU seconds per GB and syncs per operation, with
// twelve clients. Set TMPDIR to the disk to measure.
func BenchmarkShards(b *testing.B) {
	for _, size := range []int{1 << 20, 64 << 10, 4 << 10} {
		dir := filepath.Join(b.TempDir(), "disk")
		require.NoError(b, Format(dir, testID))
		d, err := Open(dir, Options{})
		require.NoError(b, err)
		body := content(ShardID{}, size, 0)
		crc := CRC(body)
		var seq atomic.Uint32
		run := func(name string, op func() error) {
			b.Run(fmt.Sprintf("%s/%dKiB", name, size>>10), func(b *testing.B) {
				b.SetBytes(int64(size))
				b.ReportAllocs()
				st0, _ := d.Stats()
				c0 := cpuSeconds()
				parallel(b, 12, op)
				gb := float64(b.N) * float64(size) / (1 << 30)
				b.ReportMetric((cpuSeconds()-c0)/gb, "cpu-s/GB")
				st1, _ := d.Stats()
				b.ReportMetric(float64(st1.Fsyncs-st0.Fsyncs)/float64(b.N), "fsyncs/op")
			})
		}
		run("write", func() error {
			id := ShardID{store.MakeBlobID(1, 1, 1, seq.Add(1)), 0}
			return d.Write(bg, shardOf(id), 1, [][]byte{body}, crc)
		})
		require.NoError(b, d.Write(bg, shardOf(ShardID{blob(9, 1), 0}), 1, [][]byte{body}, crc))
		run("read", func() error {
			data, _, err := d.Read(bg, ShardID{blob(9, 1), 0}, 0, -1)
			arena.Put(data)
			return err
		})
		require.NoError(b, d.Close())
	}
}
