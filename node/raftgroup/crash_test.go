package raftgroup

import (
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
	"github.com/hashicorp/raft"
	"github.com/stretchr/testify/require"

	"cairn/store"
)

// A power cut of all nodes at once loses nothing that was acknowledged.
func TestPowerCutOfAllNodes(t *testing.T) {
	c := newCluster(t, 3)
	defer c.close()
	c.startAll()
	s := NewSession(1)
	want := uint64(0)
	for round := range 4 {
		for range 20 {
			want = c.add1(s, "a")
		}
		for _, n := range c.nodes {
			c.crash(n)
		}
		for _, n := range c.nodes {
			c.start(n, nil)
		}
		require.EqualValues(t, 20*(round+1), want)
		require.Equal(t, want, c.read("a"), "acknowledged commands survive")
	}
	c.converge()
}

// harness runs a log store and a stable store alone.
type harness struct {
	h    *Host
	logs *logStore
	stab *stableStore
}

func openHarness(t *testing.T, fs vfs.FS) (harness, error) {
	c := newCluster(t, 0)
	h, err := Open(Options{Dir: "d", FS: fs, Fabric: c.net.Join(1), Incarnation: Incarnation{1}})
	if err != nil {
		return harness{}, err
	}
	return harness{h: h, logs: openLogStore(h, testGroup), stab: openStableStore(h, testGroup)}, nil
}

// Whatever operation of the disk fails, the log holds afterwards what it had
// acknowledged, and the host stops acknowledging.
func TestLogStoreFailsAtAnyOperation(t *testing.T) {
	for i := int32(0); ; i++ {
		mem := vfs.NewCrashableMem()
		inj := errorfs.OnIndex(i)
		var counted atomic.Int32
		fs := errorfs.Wrap(mem, errorfs.InjectorFunc(func(op errorfs.Op) error {
			if op.Kind.ReadOrWrite() != errorfs.OpIsWrite {
				return nil
			}
			counted.Add(1)
			return inj.MaybeError(op)
		}))
		acked := writeUntilFailure(t, fs)
		checkLog(t, mem.CrashClone(vfs.CrashCloneCfg{}), acked, i)
		if counted.Load() <= i {
			require.Greater(t, i, int32(20), "the loop reached the writes")
			return
		}
	}
}

// writeUntilFailure appends entries and returns how many were acknowledged.
func writeUntilFailure(t *testing.T, fs vfs.FS) (acked uint64) {
	x, err := openHarness(t, fs)
	if err != nil {
		return 0
	}
	defer x.h.Kill()
	for i := uint64(1); i <= 12; i++ {
		l := &raft.Log{Index: i, Term: 3, Data: fmt.Appendf(nil, "entry %d", i)}
		if err := x.logs.StoreLog(l); err != nil {
			require.Error(t, x.logs.StoreLog(l), "a host that failed once acknowledges nothing")
			return acked
		}
		acked = i
		if i == 6 {
			flushed, err := x.h.db.AsyncFlush()
			require.NoError(t, err)
			select {
			case <-flushed:
			case <-x.h.givenUp:
			}
		}
	}
	return acked
}

func checkLog(t *testing.T, fs vfs.FS, acked uint64, op int32) {
	x, err := openHarness(t, fs)
	require.NoError(t, err, "reopen after operation %d failed", op)
	defer x.h.Kill()
	last, _ := x.logs.LastIndex()
	require.GreaterOrEqual(t, last, acked, "operation %d", op)
	for i := uint64(1); i <= acked; i++ {
		var l raft.Log
		require.NoError(t, x.logs.GetLog(i, &l))
		require.Equal(t, fmt.Sprintf("entry %d", i), string(l.Data))
	}
}

// The log has no gaps and its terms do not fall, whatever is cut or overwritten
// and whenever the power goes.
func TestLogReplacesSuffixAtomically(t *testing.T) {
	mem := vfs.NewCrashableMem()
	x, err := openHarness(t, mem)
	require.NoError(t, err)
	put := func(term uint64, from, to uint64) {
		var logs []*raft.Log
		for i := from; i <= to; i++ {
			logs = append(logs, &raft.Log{Index: i, Term: term, Data: []byte{byte(i)}})
		}
		require.NoError(t, x.logs.StoreLogs(logs))
	}
	reopen := func() (first, last uint64) {
		image := mem.CrashClone(vfs.CrashCloneCfg{})
		x.h.Kill()
		mem = image
		x, err = openHarness(t, mem)
		require.NoError(t, err)
		first, _ = x.logs.FirstIndex()
		last, _ = x.logs.LastIndex()
		return first, last
	}
	put(1, 1, 10)
	require.NoError(t, x.logs.DeleteRange(6, 10))
	require.ErrorIs(t, x.logs.GetLog(6, new(raft.Log)), raft.ErrLogNotFound)
	_, last := reopen()
	require.EqualValues(t, 10, last, "a suffix goes only with what replaces it")

	require.NoError(t, x.logs.DeleteRange(6, 10))
	put(2, 6, 7)
	first, last := reopen()
	require.Equal(t, [2]uint64{1, 7}, [2]uint64{first, last})
	var l raft.Log
	require.NoError(t, x.logs.GetLog(7, &l))
	require.EqualValues(t, 2, l.Term)

	require.NoError(t, x.logs.DeleteRange(1, 4))
	put(3, 100, 101) // behind an installed snapshot
	first, last = reopen()
	require.Equal(t, [2]uint64{100, 101}, [2]uint64{first, last})
	x.h.Kill()
}

// slowFS holds up syncs of the log while its gate is shut.
type slowFS struct {
	vfs.FS
	mu   sync.Mutex
	shut chan struct{} // nil: open
}

type slowFile struct {
	vfs.File
	fs *slowFS
}

func (s *slowFS) set(shut bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if shut {
		s.shut = make(chan struct{})
	} else if s.shut != nil {
		close(s.shut)
		s.shut = nil
	}
}

func (s *slowFS) OpenReadWrite(name string, cat vfs.DiskWriteCategory, o ...vfs.OpenOption) (vfs.File, error) {
	f, err := s.FS.OpenReadWrite(name, cat, o...)
	if err == nil && strings.HasSuffix(name, ".log") {
		f = &slowFile{File: f, fs: s}
	}
	return f, err
}

func (f *slowFile) wait() {
	f.fs.mu.Lock()
	shut := f.fs.shut
	f.fs.mu.Unlock()
	if shut != nil {
		<-shut
	}
}

func (f *slowFile) Sync() error     { f.wait(); return f.File.Sync() }
func (f *slowFile) SyncData() error { f.wait(); return f.File.SyncData() }
func (f *slowFile) SyncTo(n int64) (bool, error) {
	f.wait()
	return f.File.SyncTo(n)
}

// A leader whose disk hangs is replaced, and comes back as a follower with the
// same log as the others.
func TestHungDiskDeposesLeader(t *testing.T) {
	c := newCluster(t, 3)
	defer c.close()
	slow := map[*testNode]*slowFS{}
	for _, n := range c.nodes {
		fs := &slowFS{FS: n.fs}
		n.fs, slow[n] = fs, fs
		n.tweak = func(o *Options) { o.WriteTimeout = 300 * time.Millisecond }
	}
	c.startAll()
	s := NewSession(1)
	c.add1(s, "a")
	old := c.leader()
	slow[old].set(true)
	defer slow[old].set(false)
	c.add1(s, "a") // by another leader
	now := c.leader(old)
	require.NotEqual(t, old, now)
	slow[old].set(false)
	require.EqualValues(t, 3, c.add1(s, "a"))
	c.converge()
}

// A failed sync of the log silences the host; the others go on.
func TestFailedSyncIsFatal(t *testing.T) {
	c := newCluster(t, 3)
	defer c.close()
	fail := map[*testNode]*gate{}
	fatal := make(chan error, 3)
	for _, n := range c.nodes {
		g := &gate{}
		fail[n] = g
		n.fs = errorfs.Wrap(n.mem, errorfs.InjectorFunc(func(op errorfs.Op) error {
			if g.Load() && strings.HasSuffix(op.Path, ".log") && op.Kind.ReadOrWrite() == errorfs.OpIsWrite {
				return errInjected
			}
			return nil
		}))
		n.tweak = func(o *Options) { o.OnFatal = func(err error) { fatal <- err } }
	}
	c.startAll()
	s := NewSession(1)
	c.add1(s, "a")
	old := c.leader()
	fail[old].Store(true)
	require.EqualValues(t, 2, c.add1(s, "a"), "another node took over")
	require.ErrorIs(t, <-fatal, errInjected)
	_, err := old.g.ReadIndex(t.Context())
	require.Equal(t, store.KindUnavailable, store.KindOf(err))
	c.crash(old)
	c.start(old, nil)
	require.EqualValues(t, 3, c.add1(s, "a"))
	c.converge()
}
