package raftgroup

import (
	"fmt"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/hashicorp/raft"
	"github.com/stretchr/testify/require"

	"cairn/node/fabric"
	"cairn/store"
)

// The log keeps what the rows would lose in a crash, whatever Raft asks for.
func TestLogIsCutBelowDurableRowsOnly(t *testing.T) {
	r := &replica{mem: vfs.NewCrashableMem()}
	r.open(t)
	logs := openLogStore(r.h, testGroup)
	var batch []*raft.Log
	for i := range uint64(20) {
		e := appendCommand(appendEntryHeader(nil, 1, 1), &Command{Data: []byte("add a")})
		batch = append(batch, &raft.Log{Index: i + 1, Term: 1, Data: e})
	}
	require.NoError(t, logs.StoreLogs(batch))
	r.f.ApplyBatch(batch[:8])
	require.NoError(t, r.h.flush())
	r.f.ApplyBatch(batch[8:15])
	require.NoError(t, logs.DeleteRange(1, 15))
	first, _ := logs.FirstIndex()
	require.EqualValues(t, 9, first)
	r.crash(t, true)
	require.EqualValues(t, 8, r.f.pos.Load().index)
	logs = openLogStore(r.h, testGroup)
	first, _ = logs.FirstIndex()
	require.LessOrEqual(t, first, uint64(9))

	require.NoError(t, logs.DeleteRange(first, 8))
	r.f.ApplyBatch(batch[8:])
	require.NoError(t, r.h.flush())
	require.NoError(t, logs.DeleteRange(9, 19))
	first, _ = logs.FirstIndex()
	require.EqualValues(t, 20, first)
	r.h.Kill()
}

// Rows that do not reach up to the log are refused: something took them away.
func TestLostRowsAreRefused(t *testing.T) {
	c := newCluster(t, 1)
	defer c.close()
	c.startAll()
	s := NewSession(1)
	for range 20 + trailLeast {
		c.add1(s, "a")
	}
	n := c.nodes[0]
	n.g.cutLog(true)
	first := n.g.Stats().First
	require.Greater(t, first, uint64(1))
	require.NoError(t, n.Host.logged(n.Host.rlog.Cut(uint32(testGroup), first)))
	require.NoError(t, n.Host.deleteRows(testGroup))
	c.crash(n)
	c.startHost(n)
	_, err := n.Host.Start(GroupConfig{ID: testGroup}, &counters{})
	require.Equal(t, store.KindCorrupt, store.KindOf(err), "%v", err)
	n.g = nil
}

// A crash while a replica is destroyed leaves all of it or nothing.
func TestDestroyCrashesAtAnyStep(t *testing.T) {
	for step := range 4 {
		t.Run(fmt.Sprint(step), func(t *testing.T) {
			mem := vfs.NewCrashableMem()
			syncs := -1
			fs := &countFS{FS: mem, before: func() {}}
			h, err := Open(Options{Dir: "d", FS: fs, Fabric: fabric.NewNetwork().Join(1), Incarnation: Incarnation{1}})
			require.NoError(t, err)
			logs := openLogStore(h, testGroup)
			require.NoError(t, logs.StoreLog(&raft.Log{Index: 1, Term: 1, Data: []byte("x")}))
			b := h.db.NewBatch()
			require.NoError(t, b.Set(appliedKey(testGroup), position{index: 1, term: 1}.encode(), nil))
			require.NoError(t, h.commit(b))
			require.NoError(t, b.Close())
			require.NoError(t, h.flush())
			var image *vfs.MemFS
			fs.before = func() {
				if syncs++; syncs == step {
					image = mem.CrashClone(vfs.CrashCloneCfg{})
				}
			}
			require.NoError(t, h.Destroy(testGroup))
			h.Kill()
			require.NotNil(t, image)

			h, err = Open(Options{Dir: "d", FS: image, Fabric: fabric.NewNetwork().Join(1), Incarnation: Incarnation{1}})
			require.NoError(t, err)
			pos, _, err := readPosition(h.db, testGroup)
			require.NoError(t, err)
			require.Equal(t, len(h.Stored()) > 0, pos.index > 0)
			require.Equal(t, step == 0, pos.index > 0)
			h.Kill()
		})
	}
}

// countFS calls before ahead of each sync of a file.
type countFS struct {
	vfs.FS
	before func()
}

type countFile struct {
	vfs.File
	fs *countFS
}

func (c *countFS) Create(name string, cat vfs.DiskWriteCategory) (vfs.File, error) {
	f, err := c.FS.Create(name, cat)
	return &countFile{File: f, fs: c}, err
}

func (c *countFS) OpenReadWrite(name string, cat vfs.DiskWriteCategory, o ...vfs.OpenOption) (vfs.File, error) {
	f, err := c.FS.OpenReadWrite(name, cat, o...)
	return &countFile{File: f, fs: c}, err
}

func (f *countFile) Sync() error     { f.fs.before(); return f.File.Sync() }
func (f *countFile) SyncData() error { f.fs.before(); return f.File.SyncData() }
