package raftgroup

import (
	"fmt"
	"io"
	"sync/atomic"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
	"github.com/hashicorp/raft"
	"github.com/stretchr/testify/require"
)

// replicaWithRows is a replica with n counters, a membership row and some
// replies.
func replicaWithRows(t require.TestingT, n int) *replica {
	r := &replica{mem: vfs.NewCrashableMem()}
	r.open(t)
	conf := raft.Configuration{Servers: []raft.Server{{ID: "1/aa", Address: "1/aa"}}}
	logs := []*raft.Log{{Index: 1, Term: 1, Type: raft.LogConfiguration, Data: raft.EncodeConfiguration(conf)}}
	for i := range n {
		c := Command{Client: 1, Seq: uint64(i + 1), Low: uint64(i + 1), Data: fmt.Appendf(nil, "add k%04d", i)}
		e := appendCommand(appendEntryHeader(nil, 42, 1), &c)
		logs = append(logs, &raft.Log{Index: uint64(i + 2), Term: 1, Type: raft.LogCommand, Data: e})
	}
	r.f.ApplyBatch(logs)
	require.NoError(t, r.f.haltError())
	return r
}

// A crash at any operation of an installation leaves the old rows or the new.
func TestInstallCrashesAtAnyOperation(t *testing.T) {
	source := replicaWithRows(t, 300)
	defer source.h.Kill()
	meta, _, err := source.f.snaps.meta(groupRows{r: source.h.db, id: testGroup})
	require.NoError(t, err)
	want := string(source.rows(t))
	installed := false
	for op := int32(0); ; op++ {
		target := &replica{mem: vfs.NewCrashableMem()}
		target.open(t)
		e := appendCommand(appendEntryHeader(nil, 1, 1), &Command{Data: []byte("add old")})
		target.f.ApplyBatch([]*raft.Log{{Index: 2, Term: 1, Type: raft.LogCommand, Data: e}})
		require.NoError(t, target.h.flush())
		old := string(target.rows(t))
		target.h.Kill()

		// Reopen on a disk that ends at the op-th write.
		mem := target.mem
		var n atomic.Int32
		var armed atomic.Bool
		target.openOn(t, errorfs.Wrap(mem, errorfs.InjectorFunc(func(o errorfs.Op) error {
			if armed.Load() && o.Kind.ReadOrWrite() == errorfs.OpIsWrite && n.Add(1)-1 >= op {
				return errInjected
			}
			return nil
		})))
		armed.Store(true)
		failed := target.receive(source, meta) != nil
		image := mem.CrashClone(vfs.CrashCloneCfg{})
		target.h.Kill()
		target.mem = image
		target.open(t)
		require.NoError(t, target.f.snaps.resume())
		require.NoError(t, target.f.load())
		got := string(target.rows(t))
		if got != want {
			require.Equal(t, old, got, "operation %d", op)
			require.True(t, failed, "operation %d: reported as installed", op)
			require.False(t, installed && !failed)
		} else {
			installed = true
		}
		names, err := target.h.guard.List("d/" + installDir)
		require.NoError(t, err)
		require.Empty(t, names)
		target.h.Kill()
		if n.Load() <= op {
			require.False(t, failed)
			require.Equal(t, want, got)
			require.Greater(t, op, int32(10))
			return
		}
	}
}

// receive installs the source's snapshot as Raft does.
func (r *replica) receive(source *replica, meta *raft.SnapshotMeta) error {
	_, stream, err := source.f.snaps.Open(rowsID)
	if err != nil {
		return err
	}
	defer stream.Close()
	sink, err := r.f.snaps.Create(1, meta.Index, meta.Term, meta.Configuration, meta.ConfigurationIndex, nil)
	if err != nil {
		return err
	}
	if _, err := io.Copy(sink, stream); err != nil {
		return err
	}
	if err := sink.Close(); err != nil {
		return err
	}
	_, empty, err := r.f.snaps.Open(sink.ID())
	if err != nil {
		return err
	}
	if err := r.f.Restore(empty); err != nil {
		return err
	}
	if r.h.dead() {
		return errGivenUp
	}
	return nil
}

// A follower that was away for longer than the log reaches back is filled by a
// snapshot, and so is a learner that starts empty.
func TestSnapshotFillsFollowerAndLearner(t *testing.T) {
	c := newCluster(t, 3)
	defer c.close()
	c.startAll()
	s := NewSession(1)
	c.add1(s, "a")
	leader := c.leader()
	away := c.nodes[0]
	if away == leader {
		away = c.nodes[1]
	}
	c.crash(away)
	for range 2 * trailLeast {
		c.add1(s, "a")
	}
	leader = c.leader()
	leader.g.cutLog(true)
	require.Greater(t, leader.g.Stats().First, uint64(100))
	c.start(away, nil)
	learner := c.add(9, 1)
	c.start(learner, nil)
	require.NoError(t, leader.g.AddLearner(t.Context(), learner.member(false)))
	require.EqualValues(t, 2*trailLeast+2, c.add1(s, "a"))
	c.converge()
	require.NotEqual(t, uint64(1), learner.g.Stats().First, "it did not get the whole log")

	c.crash(away)
	c.crash(learner)
	c.start(away, nil)
	c.start(learner, nil)
	c.add1(s, "a")
	c.converge()
}
