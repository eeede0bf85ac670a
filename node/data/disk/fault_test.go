package disk

import (
	"context"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"cairn/store"
)

// failAt makes the i-th change (from 0) fail, and all later ones too if it is
// sticky, as on a dying device.
func failAt(i int, sticky bool, err error) func(string) error {
	var mu sync.Mutex
	n := -1
	return func(string) error {
		mu.Lock()
		defer mu.Unlock()
		if n++; n == i || sticky && n > i {
			return err
		}
		return nil
	}
}

// workload runs a bit of everything and returns what must be readable after it.
// It goes on after errors, as clients do.
func (b *bench) workload() map[ShardID][]byte {
	acked := map[ShardID][]byte{}
	for seq := range uint32(12) {
		id := ShardID{blob(1, seq+1), 0}
		body := content(id, 70_000, 0)
		if b.write(id, body) == nil {
			acked[id] = body
		}
	}
	for seq := range uint32(8) {
		id := ShardID{blob(1, seq+1), 0}
		delete(acked, id) // unknown if it fails
		_ = b.d.Delete(bg, []store.BlobID{id.Blob})
	}
	_, _ = b.d.Fence(bg, 1, 1)
	_ = b.d.Maintain(bg)
	return acked
}

// runFaulty runs the workload with a fault and checks that what was acknowledged
// is there: in the running disk and, unless it refuses, after a crash.
func runFaulty(t *testing.T, b *bench) (failed bool) {
	acked := b.workload()
	b.fs.before = nil
	for id, body := range acked {
		b.mustRead(id, body)
	}
	failed = b.d.Failed() != nil
	b.snapshot(rand.New(rand.NewPCG(1, 2)), 0.5)
	_ = b.d.Close()
	b.fs, b.index = b.image.fs, b.image.index
	d, err := openVolume(b.volume(), b.opts)
	if err != nil {
		require.True(t, failed, "a disk that did not fail must open: %v", err)
		require.Equal(t, "disk-failed", store.ReasonOf(err))
		return failed
	}
	b.d = d
	for id, body := range acked {
		b.mustRead(id, body)
	}
	_ = b.d.Close()
	return failed
}

func TestEveryChangeMayFail(t *testing.T) {
	for _, cause := range []error{unix.EIO, unix.ENOSPC} {
		for i := 0; ; i++ {
			b := newBench(t)
			hook := failAt(i, false, cause)
			reached := false
			b.fs.before = func(op string) error {
				err := hook(op)
				reached = reached || err != nil
				return err
			}
			runFaulty(t, b)
			if !reached {
				require.Greater(t, i, 20, "the workload is too small to prove anything")
				break
			}
		}
	}
}

func TestEveryIndexChangeMayFail(t *testing.T) {
	for _, cause := range []error{unix.EIO, unix.ENOSPC} {
		for i, reached := 0, true; reached; i++ {
			b, hit := newFaultyIndex(t, failAt(i, true, cause))
			runFaulty(t, b)
			reached = hit.Load()
			require.True(t, reached || i > 5, "the workload is too small to prove anything")
		}
	}
}

// newFaultyIndex returns a disk whose index has each of its changes judged by
// hook, and whether that has failed one.
func newFaultyIndex(t *testing.T, hook func(string) error) (*bench, *atomic.Bool) {
	b := newBench(t)
	b.close()
	var armed, hit atomic.Bool
	v := b.volume()
	v.index = errorfs.Wrap(b.index, errorfs.InjectorFunc(func(op errorfs.Op) error {
		if !armed.Load() || op.Kind.ReadOrWrite() != errorfs.OpIsWrite {
			return nil
		}
		err := hook("")
		if err != nil {
			hit.Store(true)
		}
		return err
	}))
	d, err := openVolume(v, b.opts)
	require.NoError(t, err)
	b.d = d
	armed.Store(true)
	return b, &hit
}

// A filesystem that others filled must not cost a disk.
func TestFullIndexIsTakenUpAgain(t *testing.T) {
	b, _ := newFaultyIndex(t, failAt(0, true, unix.ENOSPC))
	id := ShardID{blob(1, 1), 0}
	require.Error(t, b.d.Delete(bg, []store.BlobID{blob(1, 2)}))
	require.True(t, store.Is(b.write(id, []byte("x")), store.KindUnavailable))
	_ = b.d.Close()
	b.open()
	require.NoError(t, b.write(id, []byte("x")))
	b.close()
}

func TestFailedSyncFailsTheDiskForGood(t *testing.T) {
	b := newBench(t)
	old, id := ShardID{blob(1, 1), 0}, ShardID{blob(1, 2), 0}
	require.NoError(t, b.write(old, []byte("kept")))
	b.fs.before = func(op string) error {
		if op == "sync" {
			return unix.EIO
		}
		return nil
	}
	err := b.write(id, []byte("lost"))
	require.True(t, store.Is(err, store.KindUnavailable))
	require.ErrorIs(t, err, unix.EIO)
	b.fs.before = nil

	require.Error(t, b.write(id, []byte("lost")), "no retry, even if the device works again")
	require.Error(t, b.d.Delete(bg, []store.BlobID{old.Blob}))
	_, err = b.d.Fence(bg, 1, 1)
	require.Error(t, err)
	b.mustRead(old, []byte("kept"))
	require.Equal(t, Absent, b.state(id))
	b.close()
}

func TestFailedDiskIsNotOpenedAgain(t *testing.T) {
	b := newBench(t)
	syncs := 0
	b.fs.before = func(op string) error {
		// The segment's creation and the superblock's mark go through.
		if op == "sync" {
			if syncs++; syncs == 2 {
				return unix.EIO
			}
		}
		return nil
	}
	require.Error(t, b.write(ShardID{blob(1, 2), 0}, []byte("lost")))
	b.close()
	_, err := openVolume(b.volume(), b.opts)
	require.Equal(t, "disk-failed", store.ReasonOf(err))
}

func TestFullDiskTakesDeletesAndComesBack(t *testing.T) {
	b := newBench(t)
	b.close()
	b.opts.Capacity = 2 << 20
	b.open()
	defer b.close()
	var ids []ShardID
	var err error
	for seq := uint32(1); err == nil; seq++ {
		id := ShardID{blob(1, seq), 0}
		if err = b.write(id, content(id, 100_000, 0)); err == nil {
			ids = append(ids, id)
		}
	}
	require.True(t, store.Is(err, store.KindNoSpace), "%v", err)
	st, err := b.d.Stats()
	require.NoError(t, err)
	require.GreaterOrEqual(t, st.Free, st.Capacity*reservePercent/100)
	b.mustRead(ids[0], content(ids[0], 100_000, 0))

	require.NoError(t, b.d.Delete(bg, []store.BlobID{ids[0].Blob, ids[1].Blob, ids[2].Blob}))
	require.NoError(t, b.write(ShardID{blob(1, 500), 0}, content(ids[0], 100_000, 0)), "punched holes are free space")
}

func TestDeviceFullLeavesNoTrace(t *testing.T) {
	b := newBench(t)
	defer func() { b.close() }()
	id := ShardID{blob(1, 1), 0}
	require.NoError(t, b.write(id, []byte("one")))
	b.fs.before = failAt(0, false, unix.ENOSPC)
	err := b.write(ShardID{blob(1, 2), 0}, content(id, 50_000, 0))
	require.True(t, store.Is(err, store.KindNoSpace))
	b.fs.before = nil
	require.NoError(t, b.d.Failed())
	require.NoError(t, b.write(ShardID{blob(1, 3), 0}, []byte("three")))
	b.snapshot(rand.New(rand.NewPCG(1, 1)), 0)
	b.crash()
	b.mustRead(id, []byte("one"))
	b.mustRead(ShardID{blob(1, 3), 0}, []byte("three"))
	require.Equal(t, Absent, b.state(ShardID{blob(1, 2), 0}))
}

// Compaction is crashed before every change it makes.
func TestCompactionSurvivesCrashAtEveryStep(t *testing.T) {
	for i, done := 0, false; !done; i++ {
		b := newBench(t)
		want := map[ShardID][]byte{}
		var dead []store.BlobID
		for seq := range uint32(16) {
			id := ShardID{blob(1, seq+1), 0}
			want[id] = content(id, 60_000, 0)
			require.NoError(t, b.write(id, want[id]))
			if seq%4 != 0 {
				delete(want, id)
				dead = append(dead, id.Blob)
			}
		}
		require.NoError(t, b.d.Delete(bg, dead))
		n := 0
		r := rand.New(rand.NewPCG(uint64(i), 0))
		b.fs.before = func(string) error {
			if n == i {
				b.snapshot(r, 0.5)
			}
			n++
			return nil
		}
		before, err := b.d.Stats()
		require.NoError(t, err)
		require.NoError(t, b.d.Maintain(bg))
		after, err := b.d.Stats()
		require.NoError(t, err)
		require.Less(t, after.Segments, before.Segments)
		done = !b.crashed.Load()
		b.snapshot(r, 0.5)
		b.crash()
		for id, body := range want {
			b.mustRead(id, body)
		}
		for _, d := range dead {
			require.Equal(t, Deleted, b.state(ShardID{d, 0}))
		}
		require.NoError(t, b.d.Maintain(bg))
		for id, body := range want {
			b.mustRead(id, body)
		}
		b.close()
	}
}

// blockSync holds the writer in its next sync of a segment until released.
func (b *bench) blockSync() (entered <-chan struct{}, release func()) {
	in, out := make(chan struct{}), make(chan struct{})
	var once sync.Once
	b.fs.before = func(op string) error {
		if op == "sync" {
			once.Do(func() { close(in); <-out })
		}
		return nil
	}
	return in, func() { close(out) }
}

func TestWhatHappensDuringASync(t *testing.T) {
	first := ShardID{blob(1, 1), 0}
	setup := func(t *testing.T) (b *bench, result chan error, release func()) {
		b = newBench(t)
		t.Cleanup(b.close)
		require.NoError(t, b.write(ShardID{blob(1, 9), 0}, []byte("opens the segment")))
		entered, release := b.blockSync()
		result = make(chan error, 1)
		go func() { result <- b.write(first, []byte("slow")) }()
		select {
		case <-entered:
		case <-time.After(5 * time.Second):
			release()
			t.Fatal("a write was not synced")
		}
		return b, result, release
	}
	t.Run("fence waits for it", func(t *testing.T) {
		b, result, release := setup(t)
		fenced := make(chan error, 1)
		go func() { _, err := b.d.Fence(bg, 1, 5); fenced <- err }()
		select {
		case <-fenced:
			t.Fatal("the fence overtook a write that it must include")
		case <-time.After(20 * time.Millisecond):
		}
		release()
		require.NoError(t, <-fenced)
		require.NoError(t, <-result)
		require.Equal(t, Present, b.state(first))
		require.True(t, store.Is(b.write(ShardID{blob(1, 2), 0}, []byte("x")), store.KindStaleMap))
	})
	t.Run("delete wins", func(t *testing.T) {
		b, result, release := setup(t)
		require.NoError(t, b.d.Delete(bg, []store.BlobID{first.Blob}))
		release()
		require.Equal(t, "deleted", store.ReasonOf(<-result))
		require.Equal(t, Deleted, b.state(first))
	})
	t.Run("a queued write is withdrawn", func(t *testing.T) {
		b, result, release := setup(t)
		ctx, cancel := context.WithCancel(bg)
		queued := make(chan error, 1)
		id := ShardID{blob(1, 2), 0}
		go func() { queued <- b.d.Write(ctx, shardOf(id), 1, [][]byte{{1}}, CRC([]byte{1})) }()
		for len(b.d.queue) == 0 {
			time.Sleep(time.Millisecond)
		}
		cancel()
		require.True(t, store.Is(<-queued, store.KindCanceled))
		release()
		require.NoError(t, <-result)
		require.NoError(t, b.d.barrier(bg))
		require.Equal(t, Absent, b.state(id))
	})
	t.Run("twins share one record", func(t *testing.T) {
		b, result, release := setup(t)
		before := b.d.count.written.Load()
		id := ShardID{blob(1, 2), 0}
		errs := make(chan error, 3)
		for i, body := range [][]byte{{1}, {1}, {2}} {
			go func() { errs <- b.write(id, body) }()
			for len(b.d.queue) <= i {
				time.Sleep(time.Millisecond)
			}
		}
		release()
		require.NoError(t, <-result)
		conflicts := 0
		for range 3 {
			if err := <-errs; err != nil {
				require.Equal(t, "content", store.ReasonOf(err))
				conflicts++
			}
		}
		require.Equal(t, 1, conflicts)
		b.mustRead(id, []byte{1})
		require.Less(t, b.d.count.written.Load()-before, int64(600), "two records")
	})
}

func TestVerifyAfterWriteCatchesALyingDevice(t *testing.T) {
	b := newBench(t)
	b.close()
	b.opts.VerifyOneIn = 1
	b.open()
	defer b.close()
	id := ShardID{blob(1, 1), 0}
	require.NoError(t, b.write(ShardID{blob(1, 2), 0}, []byte("fine")))
	b.fs.before = func(op string) error {
		if op == "sync" {
			b.fs.flip(segmentName(1), segmentHeader+400)
		}
		return nil
	}
	err := b.write(id, content(id, 1000, 0))
	require.True(t, store.Is(err, store.KindCorrupt), "%v", err)
	require.Equal(t, Absent, b.state(id))
}

// One bad disk must not end the process, whatever Pebble thinks of it.
func TestIndexFailureIsAnError(t *testing.T) {
	mem := vfs.NewCrashableMem()
	require.NoError(t, createIndex(mem, "index"))
	var broken atomic.Bool
	x, err := openIndex(errorfs.Wrap(mem, errorfs.InjectorFunc(func(op errorfs.Op) error {
		if broken.Load() && op.Kind.ReadOrWrite() == errorfs.OpIsWrite {
			return unix.EIO
		}
		return nil
	})), "index", false)
	require.NoError(t, err)
	broken.Store(true)
	require.Error(t, x.flush())
	require.Error(t, x.flush())
	require.Error(t, x.close())
}
