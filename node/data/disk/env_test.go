package disk

import (
	"context"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"cairn/internal/arena"
	"cairn/store"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var (
	bg     = context.Background()
	testID = Identity{Cluster: [16]byte{1, 2}, UUID: [16]byte{7: 9, 15: 3}, Disk: 12}
)

// testing.TB or rapid's T.
type tb interface {
	require.TestingT
	Helper()
}

// bench is a disk on memory that can crash.
type bench struct {
	t     tb
	fs    *memFS
	index *vfs.MemFS
	opts  Options
	d     *Disk

	now     time.Time
	crashed atomic.Bool // a crash image was taken
	image   struct {
		sync.Mutex
		fs    *memFS
		index *vfs.MemFS
	}
}

func newBench(t tb) *bench {
	b := &bench{t: t, fs: newMemFS(), index: vfs.NewCrashableMem(), now: store.Epoch2020.AddDate(5, 0, 0)}
	b.opts = Options{SegmentBytes: 256 << 10, Now: func() time.Time { return b.now }}
	require.NoError(t, formatVolume(b.volume(), testID))
	b.open()
	return b
}

func (b *bench) volume() volume { return volume{fs: b.fs, index: b.index, indexDir: "index"} }

func (b *bench) open() {
	b.t.Helper()
	d, err := openVolume(b.volume(), b.opts)
	require.NoError(b.t, err)
	b.d = d
}

func (b *bench) close() { require.NoError(b.t, b.d.Close()) }

// snapshot takes the image that a crash now leaves; only the first counts.
func (b *bench) snapshot(rng *rand.Rand, keep float64) {
	b.image.Lock()
	defer b.image.Unlock()
	if b.crashed.Load() {
		return
	}
	b.image.fs = b.fs.crashClone(rng, keep)
	b.image.index = b.index.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: int(keep * 100), RNG: rng})
	b.crashed.Store(true)
}

// crash ends the disk and goes on with the image.
func (b *bench) crash() {
	b.fs.before = nil
	_ = b.d.Close()
	b.fs, b.index = b.image.fs, b.image.index
	b.crashed.Store(false)
	b.open()
}

func blob(pg, seq uint32) store.BlobID { return store.MakeBlobID(pg, 1000*seq, 1, seq) }

func shardOf(id ShardID) Shard {
	return Shard{ShardID: id, K: 2, M: 2, BlobLen: 1 << 20,
		Owner: store.Owner{NS: store.MakeNS(store.KindObject, 5), Key: []byte("key of " + id.String())}}
}

// content is the one body that a shard may have, or another one by variant.
func content(id ShardID, n, variant int) []byte {
	rng := rand.New(rand.NewPCG(uint64(id.Blob.Seq()), uint64(id.Index)<<32|uint64(variant)))
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(rng.Uint32())
	}
	return b
}

func (b *bench) write(id ShardID, body []byte) error {
	half := len(body) / 2
	return b.d.Write(bg, shardOf(id), 1, [][]byte{body[:half], body[half:]}, CRC(body))
}

// read returns a copy of the whole shard.
func (b *bench) read(id ShardID) ([]byte, error) {
	data, crc, err := b.d.Read(bg, id, 0, -1)
	if err != nil {
		return nil, err
	}
	defer arena.Put(data)
	require.Equal(b.t, CRC(data), crc)
	return append([]byte(nil), data...), nil
}

func (b *bench) mustRead(id ShardID, want []byte) {
	b.t.Helper()
	got, err := b.read(id)
	require.NoError(b.t, err, id.String())
	require.True(b.t, string(got) == string(want), "%s: other bytes than were written", id)
}

func (b *bench) state(id ShardID) State {
	states, err := b.d.Has(bg, []ShardID{id})
	require.NoError(b.t, err)
	return states[0]
}

// rowOf returns where a shard is.
func (b *bench) rowOf(id ShardID) shardRow {
	row, ok, err := b.d.index.shard(id)
	require.NoError(b.t, err)
	require.True(b.t, ok)
	return row
}
