package raftgroup

import (
	"bytes"
	"context"
	"fmt"
	"path"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/stretchr/testify/require"

	"cairn/node/fabric"
	"cairn/store"
)

// walFiles lists the WAL files of a host's directory, oldest first.
func walFiles(t *testing.T, fs vfs.FS, dir string) []string {
	names, err := fs.List(dir)
	require.NoError(t, err)
	names = slices.DeleteFunc(names, func(n string) bool { return !strings.HasSuffix(n, ".log") })
	slices.Sort(names)
	return names
}

// rewrite changes the bytes of a file.
func rewrite(t *testing.T, fs *vfs.MemFS, name string, change func([]byte) []byte) {
	f, err := fs.Open(name)
	require.NoError(t, err)
	var b bytes.Buffer
	_, err = b.ReadFrom(f)
	require.NoError(t, err)
	require.NoError(t, f.Close())
	out, err := fs.Create(name, vfs.WriteCategoryUnspecified)
	require.NoError(t, err)
	_, err = out.Write(change(b.Bytes()))
	require.NoError(t, err)
	require.NoError(t, out.Sync())
	require.NoError(t, out.Close())
}

// A bit that flipped in the log of the database, the first log included, is
// refused when the directory is opened, or, where it looks like the end of the
// log, mutes the replica. It is never passed over.
func TestFlippedBitIsRefused(t *testing.T) {
	c := newCluster(t, 3)
	defer c.close()
	c.startAll()
	s := NewSession(1)
	for range 200 {
		c.add1(s, "a")
	}
	c.converge()
	n := c.nodes[0]
	require.NoError(t, n.marks.flush())
	c.crash(n)
	files := walFiles(t, n.mem, "data")
	name := path.Join("data", files[len(files)-1])
	size := 0
	rewrite(t, n.mem, name, func(b []byte) []byte { size = len(b); return b })
	require.Greater(t, size, 32<<10, "the log is shorter than two blocks")
	refused := 0
	for at := 100; at < size-1000; at += size / 40 {
		image := n.mem.CrashClone(vfs.CrashCloneCfg{})
		rewrite(t, image, name, func(b []byte) []byte { b[at] ^= 1; return b })
		h, err := Open(Options{Dir: "data", FS: image, Fabric: fabric.NewNetwork().Join(1), Incarnation: n.inc})
		if err != nil {
			require.Equal(t, store.KindCorrupt, store.KindOf(err), "bit at %d of %d: %v", at, size, err)
			refused++
			continue
		}
		g, err := h.Start(GroupConfig{ID: testGroup}, &counters{})
		require.NoError(t, err)
		require.True(t, g.Stats().Muted, "bit at %d of %d", at, size)
		h.Kill()
	}
	require.Positive(t, refused)
}

// A replica whose database lost the tail of its log has no say until it was a
// learner: it does not vote, and alone with an empty replica it elects nobody.
func TestLostTailMutes(t *testing.T) {
	c := newCluster(t, 3)
	defer c.close()
	c.startAll()
	s := NewSession(1)
	for range 50 {
		c.add1(s, "a")
	}
	c.converge()
	forgetful, leader := c.nodes[0], c.leader()
	if forgetful == leader {
		forgetful = c.nodes[1]
	}
	require.NoError(t, forgetful.marks.flush())
	c.crash(forgetful)
	files := walFiles(t, forgetful.mem, "data")
	rewrite(t, forgetful.mem, path.Join("data", files[len(files)-1]), func(b []byte) []byte { return b[:len(b)/2] })
	for _, n := range c.nodes {
		if n != forgetful && n != leader {
			c.stop(n) // without the forgetful one the leader has no majority
		}
	}
	c.start(forgetful, nil)
	require.True(t, forgetful.g.Stats().Muted)
	c.stop(leader)
	c.start(leader, nil)
	time.Sleep(10 * c.hb)
	require.False(t, leader.g.IsLeader(), "a muted replica does not vote")
	require.NotEqual(t, "Leader", forgetful.g.Stats().State)
	require.True(t, forgetful.g.Stats().Muted)

	for _, n := range c.nodes {
		if n.Host == nil {
			c.start(n, nil)
		}
	}
	want := c.founders()
	eventually(t, "the group is whole", func() bool {
		ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second)
		defer cancel()
		p, err := c.leader().g.Reconcile(ctx, wanted(want, 0))
		return err == nil && p == Settled && !forgetful.g.Stats().Muted
	})
	require.EqualValues(t, 51, c.add1(s, "a"))
	c.converge()
	c.crash(forgetful)
	c.start(forgetful, nil)
	require.False(t, forgetful.g.Stats().Muted)
}

// The only voter of a group that lost a part of its log is not started: there is
// nobody to get it from.
func TestLostTailOfOnlyVoterIsRefused(t *testing.T) {
	c := newCluster(t, 1)
	defer c.close()
	c.startAll()
	s := NewSession(1)
	for range 50 {
		c.add1(s, "a")
	}
	n := c.nodes[0]
	require.NoError(t, n.marks.flush())
	c.crash(n)
	files := walFiles(t, n.mem, "data")
	rewrite(t, n.mem, path.Join("data", files[len(files)-1]), func(b []byte) []byte { return b[:len(b)*3/4] })
	c.startHost(n)
	_, err := n.Host.Start(GroupConfig{ID: testGroup}, &counters{})
	require.Equal(t, store.KindCorrupt, store.KindOf(err), "%v", err)
	n.g = nil
}

// A node that lost its directory comes back as a stranger: it is told nothing
// and asked nothing until the leader makes it a learner, then a voter; calls for
// its former life are refused.
func TestWipedNodeRejoinsAsLearner(t *testing.T) {
	c := newCluster(t, 3)
	defer c.close()
	c.startAll()
	s := NewSession(1)
	for range 20 {
		c.add1(s, "a")
	}
	wiped := c.nodes[0]
	if wiped == c.leader() {
		wiped = c.nodes[1]
	}
	former := wiped.inc
	wiped.Kill()
	wiped.fab.Close()
	wiped.mem = vfs.NewCrashableMem()
	wiped.fs, wiped.inc = wiped.mem, Incarnation{2, byte(wiped.id)}
	stale := c.founders() // the incarnation changed above: this names the new one
	for i := range stale {
		if stale[i].Node == wiped.id {
			stale[i].Incarnation = former
		}
	}
	c.start(wiped, stale) // old knowledge does not bootstrap it
	require.Zero(t, wiped.g.Stats().Last)
	leader := c.leader(wiped)
	_, err := leader.callBeats(Member{Node: wiped.id, Incarnation: former}, nil)
	require.Equal(t, store.KindDenied, store.KindOf(err))

	waited := 0
	eventually(t, "the group has the new incarnation as a voter", func() bool {
		ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second)
		defer cancel()
		p, err := c.leader(wiped).g.Reconcile(ctx, wanted(c.founders(), 200*time.Millisecond))
		if p == Waiting && err == nil {
			waited++
		}
		return err == nil && p == Settled
	})
	require.NotZero(t, waited, "it gets its vote when it has proved itself")
	require.ElementsMatch(t, c.founders(), c.leader(wiped).g.Members())
	require.EqualValues(t, 21, c.add1(s, "a"))
	c.converge()
}

func wanted(members []Member, proof time.Duration) (out []Wanted) {
	for _, m := range members {
		out = append(out, Wanted{Member: m, Proof: proof})
	}
	return out
}

// A group moves to other nodes, its leader included, one step at a time.
func TestReconcileReplacesLeader(t *testing.T) {
	c := newCluster(t, 3)
	defer c.close()
	c.startAll()
	s := NewSession(1)
	c.add1(s, "a")
	old := c.leader()
	fresh := c.add(9, 1)
	c.start(fresh, nil)
	var want []Member
	for _, n := range c.nodes {
		if n != old {
			want = append(want, n.member(true))
		}
	}
	eventually(t, "the leader is replaced", func() bool {
		ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second)
		defer cancel()
		p, err := c.leader().g.Reconcile(ctx, wanted(want, 0))
		return err == nil && p == Settled
	})
	require.ElementsMatch(t, want, c.leader(old).g.Members())
	require.NoError(t, old.g.Close())
	require.NoError(t, old.Destroy(testGroup))
	ids, err := old.Stored()
	require.NoError(t, err)
	require.Empty(t, ids)
	require.Empty(t, old.dump(t))
	old.g = nil
	require.EqualValues(t, 2, c.add1(s, "a"))
	c.converge()
}

// Near the end of the disk commands are refused, but for those that free space;
// reads go on. When there is room again, all are taken.
func TestFullDisk(t *testing.T) {
	c := newCluster(t, 3)
	defer c.close()
	free := func(mib uint64) {
		for _, n := range c.nodes {
			n.mem.TestingSetDiskUsage(vfs.DiskUsage{AvailBytes: mib << 20, TotalBytes: 1 << 30})
			if n.Host != nil {
				n.space.check()
			}
		}
	}
	free(1000)
	c.startAll()
	s := NewSession(1)
	c.add1(s, "a")
	reserve := fmt.Sprintf("data/%s", reserveName)
	_, err := c.nodes[0].mem.Stat(reserve)
	require.NoError(t, err)

	free(30)
	cmd := s.Begin()
	cmd.Data = []byte("add a")
	_, err = c.do(cmd)
	require.Equal(t, store.KindNoSpace, store.KindOf(err))
	require.EqualValues(t, 1, c.read("a"))
	del := s.Begin()
	del.Data, del.Freeing = []byte("del a"), true
	_, err = c.do(del)
	require.NoError(t, err)
	_, err = c.nodes[0].mem.Stat(reserve)
	require.Error(t, err, "the reserve was given back")

	free(1000)
	_, err = c.do(cmd)
	require.NoError(t, err)
	_, err = c.nodes[0].mem.Stat(reserve)
	require.NoError(t, err)
}

// Many groups share the host; each recovers by itself.
func TestManyGroups(t *testing.T) {
	c := newCluster(t, 3)
	defer c.close()
	const n = 20
	start := func() (out [n][]*Group) {
		for _, node := range c.nodes {
			c.startHost(node)
			for i := range n {
				g, err := node.Host.Start(GroupConfig{ID: GroupID(i + 1), Members: c.founders()}, &counters{})
				require.NoError(t, err)
				out[i] = append(out[i], g)
			}
		}
		return out
	}
	add := func(groups [n][]*Group, want byte) {
		for i := range groups {
			eventually(t, "a reply", func() bool {
				for _, g := range groups[i] {
					ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second)
					reply, err := g.Propose(ctx, Command{Client: 1, Seq: uint64(want), Data: []byte("add a")})
					cancel()
					if err == nil {
						require.Equal(t, want, reply[7])
						return true
					}
				}
				return false
			})
		}
	}
	add(start(), 1)
	for _, node := range c.nodes {
		c.crash(node)
	}
	groups := start()
	add(groups, 2)
	ids, err := c.nodes[0].Stored()
	require.NoError(t, err)
	require.Len(t, ids, n)
}
