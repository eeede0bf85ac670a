package raftgroup

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"maps"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/stretchr/testify/require"

	"cairn/node/fabric"
	"cairn/placement"
	"cairn/store"
)

// counters is the applier of the tests. Commands: "add KEY" adds one to the
// counter KEY, notes the group time, and returns the new value; "fail KEY" does
// the same and then fails; "del KEY" deletes; "v9" is of an unknown version.
type counters struct {
	mu     sync.Mutex
	mirror map[string]string // kept by Committed
	times  []store.Time
}

func (c *counters) Apply(tx *Txn, at store.Time, cmd []byte) ([]byte, error) {
	var verb, key string
	fmt.Sscanf(string(cmd), "%s %s", &verb, &key)
	row := append([]byte{0x10}, key...)
	switch verb {
	case "add", "fail":
		v, ok, err := tx.Get(row)
		if err != nil {
			return nil, err
		}
		n := uint64(0)
		if ok {
			n = binary.BigEndian.Uint64(v)
		}
		next := binary.BigEndian.AppendUint64(nil, n+1)
		tx.Put(row, next)
		tx.Put([]byte{0x11}, binary.BigEndian.AppendUint64(nil, uint64(at)))
		if verb == "fail" {
			return nil, store.Errorf(store.KindPrecondition, "add", "as asked")
		}
		return next, nil
	case "del":
		tx.Delete(row)
		return nil, nil
	case "fill": // a row of 64 KiB
		tx.Put(row, make([]byte, 64<<10))
		return nil, nil
	case "v9":
		return nil, store.Errorf(store.KindUnknownFormat, "apply", "command version 9")
	case "panic":
		panic("as asked")
	}
	return nil, store.Errorf(store.KindInvalid, "apply", "verb %q", verb)
}

func (c *counters) Restored(rows Rows) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.mirror = map[string]string{}
	it, err := rows.Iter(nil, nil)
	if err != nil {
		return err
	}
	for it.Next() {
		c.mirror[string(it.Key())] = string(it.Value())
	}
	return it.Close()
}

func (c *counters) Committed(_ uint64, at store.Time, changes iter.Seq[Change]) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.times = append(c.times, at)
	for ch := range changes {
		if ch.Deleted() {
			delete(c.mirror, string(ch.Key))
		} else {
			c.mirror[string(ch.Key)] = string(ch.Value)
		}
	}
}

// node is one host of a test cluster.
type testNode struct {
	id  placement.NodeID
	inc Incarnation
	fs  vfs.FS
	mem *vfs.MemFS // under fs; nil on disk
	fab *fabric.Inproc
	*Host
	g   *Group
	app *counters
	// options that a test changes before start
	tweak func(*Options)
}

type cluster struct {
	t     testing.TB
	net   *fabric.Network
	nodes []*testNode
	cut   sync.Map // [2]placement.NodeID → struct{}: calls that are lost
	log   *slog.Logger
	dirs  bool
	hb    time.Duration
}

const testGroup GroupID = 7

func newCluster(t testing.TB, n int) *cluster {
	c := &cluster{t: t, net: fabric.NewNetwork(), log: slog.New(slog.DiscardHandler), hb: 100 * time.Millisecond}
	if os.Getenv("RAFTLOG") != "" {
		c.log = slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelDebug}))
	}
	c.net.SetFaults(func(from, to placement.NodeID, _ fabric.Method) fabric.Fault {
		_, lost := c.cut.Load([2]placement.NodeID{from, to})
		return fabric.Fault{DropRequest: lost}
	})
	for i := range n {
		c.add(placement.NodeID(i+1), 1)
	}
	return c
}

func (c *cluster) add(id placement.NodeID, life byte) *testNode {
	mem := vfs.NewCrashableMem()
	n := &testNode{id: id, inc: Incarnation{life, byte(id)}, fs: mem, mem: mem}
	c.nodes = append(c.nodes, n)
	return n
}

func (n *testNode) member(voter bool) Member {
	return Member{Node: n.id, Incarnation: n.inc, Voter: voter}
}

func (c *cluster) founders() []Member {
	var out []Member
	for _, n := range c.nodes {
		out = append(out, n.member(true))
	}
	return out
}

// startHost opens a node's host, without the group.
func (c *cluster) startHost(n *testNode) {
	n.fab = c.net.Join(n.id)
	o := Options{
		Dir: "data", FS: n.fs, Fabric: n.fab, Incarnation: n.inc, HeartbeatTimeout: c.hb,
		Logger: c.log.With("node", n.id),
	}
	if c.dirs {
		o.Dir, o.FS = c.t.TempDir(), nil
	}
	if n.tweak != nil {
		n.tweak(&o)
	}
	h, err := Open(o)
	require.NoError(c.t, err)
	n.Host = h
}

func (c *cluster) start(n *testNode, members []Member) {
	c.startHost(n)
	n.app = &counters{}
	g, err := n.Host.Start(GroupConfig{ID: testGroup, Members: members}, n.app)
	require.NoError(c.t, err)
	n.g = g
}

func (c *cluster) startAll() {
	members := c.founders()
	for _, n := range c.nodes {
		c.start(n, members)
	}
}

// stop closes a node as a process that exits.
func (c *cluster) stop(n *testNode) {
	require.NoError(c.t, n.Host.Close())
	n.fab.Close()
	n.Host = nil
}

// crash stops a node as a power cut does: what was not synced is lost.
func (c *cluster) crash(n *testNode) {
	image := n.mem.CrashClone(vfs.CrashCloneCfg{})
	n.Host.Kill()
	n.fab.Close()
	n.Host, n.mem, n.fs = nil, image, image
}

func (c *cluster) close() {
	for _, n := range c.nodes {
		if n.Host != nil {
			n.Host.Kill()
			n.fab.Close()
		}
	}
}

// partition cuts the calls between a node and all others, both ways.
func (c *cluster) partition(n *testNode, on bool) {
	for _, m := range c.nodes {
		for _, k := range [][2]placement.NodeID{{n.id, m.id}, {m.id, n.id}} {
			if on && m != n {
				c.cut.Store(k, struct{}{})
			} else {
				c.cut.Delete(k)
			}
		}
	}
}

// eventually polls a condition. In a bubble the time is not real.
func eventually(t testing.TB, what string, cond func() bool) {
	t.Helper()
	for deadline := time.Now().Add(60 * time.Second); !cond(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("never came true: %s", what)
		}
	}
}

// leader waits for a leader among the running nodes but not.
func (c *cluster) leader(not ...*testNode) *testNode {
	c.t.Helper()
	var found *testNode
	eventually(c.t, "a leader", func() bool {
		for _, n := range c.nodes {
			if n.Host != nil && n.g != nil && n.g.IsLeader() && (len(not) == 0 || n != not[0]) {
				found = n
				return true
			}
		}
		return false
	})
	return found
}

// do sends a command until its outcome is known.
func (c *cluster) do(cmd Command) (uint64, error) {
	c.t.Helper()
	for range 2000 {
		for _, n := range c.nodes {
			if n.Host == nil || n.g == nil {
				continue
			}
			ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second)
			reply, err := n.g.Propose(ctx, cmd)
			cancel()
			switch store.KindOf(err) {
			case store.KindMoved, store.KindUnavailable, store.KindTimeout:
				if err != nil {
					continue
				}
			}
			if err != nil || len(reply) == 0 {
				return 0, err
			}
			return binary.BigEndian.Uint64(reply), nil
		}
		time.Sleep(5 * time.Millisecond)
	}
	c.t.Fatal("no outcome")
	return 0, nil
}

func (c *cluster) add1(s *Session, key string) uint64 {
	c.t.Helper()
	cmd := s.Begin()
	cmd.Data = []byte("add " + key)
	v, err := c.do(cmd)
	require.NoError(c.t, err)
	s.End(cmd.Seq)
	return v
}

// read reads a counter linearizably from whoever leads.
func (c *cluster) read(key string) uint64 {
	c.t.Helper()
	var out uint64
	eventually(c.t, "a read", func() bool {
		for _, n := range c.nodes {
			if n.Host == nil || n.g == nil {
				continue
			}
			if v, err := readOn(n.g, key); err == nil {
				out = v
				return true
			}
		}
		return false
	})
	return out
}

func readOn(g *Group, key string) (uint64, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second)
	defer cancel()
	s, err := g.ReadIndex(ctx)
	if err != nil {
		return 0, err
	}
	defer s.Close()
	v, ok, err := s.Get(append([]byte{0x10}, key...))
	if err != nil || !ok {
		return 0, err
	}
	return binary.BigEndian.Uint64(v), nil
}

// dump returns all rows of the group on a node, the host's own included.
func (n *testNode) dump(t testing.TB) map[string]string {
	lo, hi := groupBounds(testGroup)
	it, err := n.db.NewIter(iterBounds(lo, hi))
	require.NoError(t, err)
	out := map[string]string{}
	for ok := it.First(); ok; ok = it.Next() {
		out[string(it.Key())] = string(it.Value())
	}
	require.NoError(t, it.Close())
	return out
}

// converge waits until all running replicas hold the same rows, byte for byte,
// and their mirrors say the same.
func (c *cluster) converge() {
	c.t.Helper()
	eventually(c.t, "equal rows", func() bool {
		var first map[string]string
		for _, n := range c.nodes {
			if n.Host == nil || n.g == nil {
				continue
			}
			rows := n.dump(c.t)
			if first == nil {
				first = rows
			}
			if !maps.Equal(first, rows) {
				return false
			}
		}
		return true
	})
	for _, n := range c.nodes {
		if n.Host != nil && n.g != nil {
			eventually(c.t, "a mirror like the rows", func() bool {
				want := &counters{}
				require.NoError(c.t, want.Restored(storedRows{groupRows{r: n.db, id: testGroup}}))
				n.app.mu.Lock()
				defer n.app.mu.Unlock()
				return maps.Equal(want.mirror, n.app.mirror)
			})
		}
	}
}

var errInjected = errors.New("injected")

// gate is a switch that tests flip under a running host.
type gate struct{ atomic.Bool }
