// Package testcluster runs whole clusters in one process for tests: real nodes
// in temporary directories over the in-process fabric, which tests can cut, and
// nodes that tests can stop and start.
package testcluster

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"cairn/node"
	"cairn/node/config"
	"cairn/node/fabric"
	"cairn/node/raftgroup"
	"cairn/store"
)

// Cluster is a running cluster. Its nodes are named as those of `cairn dev`:
// a1 a2 b1 b2 c1 c2.
type Cluster struct {
	t        testing.TB
	dir      string
	machines func() []store.Machine
	ahead    atomic.Int64 // how far the cluster's clock is ahead of the wall's
	Net      *fabric.Network
	names    []string

	mu    sync.Mutex
	nodes map[string]*running
}

type running struct {
	cfg    *config.Config
	node   *node.Node
	fabric *fabric.Inproc
}

// Options shape a cluster.
type Options struct {
	Zones, Nodes int // 3 zones of 2 nodes if zero
	Machines     func() []store.Machine
	DownOut      time.Duration // 10 minutes if zero
	DiskBytes    int64         // 1 GiB if zero
}

// Start starts a cluster and waits until it serves. It is stopped with the test.
func Start(t testing.TB, o Options) *Cluster {
	t.Helper()
	if o.Zones == 0 {
		o.Zones, o.Nodes = 3, 2
	}
	if o.DownOut == 0 {
		o.DownOut = 10 * time.Minute
	}
	if o.DiskBytes == 0 {
		o.DiskBytes = 1 << 30
	}
	c := &Cluster{t: t, dir: t.TempDir(), machines: o.Machines, Net: fabric.NewNetwork(), nodes: map[string]*running{}}
	for z := range o.Zones {
		for i := range o.Nodes {
			c.add(o, string(rune('a'+z)), i+1)
		}
	}
	t.Cleanup(c.stop)
	first := c.nodes[c.names[0]]
	require.NoError(t, node.Found(first.cfg))
	c.Restart(c.names[0])
	for _, name := range c.names[1:] {
		c.Invite(name, c.names[0])
		c.Restart(name)
	}
	c.WaitReady()
	return c
}

func (c *Cluster) add(o Options, zone string, i int) {
	cfg := config.Default()
	cfg.Name, cfg.Zone = fmt.Sprintf("%s%d", zone, i), zone
	cfg.Dir = filepath.Join(c.dir, cfg.Name)
	cfg.Disks = []config.Disk{{Path: filepath.Join(cfg.Dir, "disk"), Bytes: o.DiskBytes}}
	cfg.Expect, cfg.DownOut = o.Zones*o.Nodes, o.DownOut
	cfg.Listen, cfg.S3, cfg.Admin = cfg.Name+":0", "", ""
	cfg.Complete()
	c.names = append(c.names, cfg.Name)
	c.nodes[cfg.Name] = &running{cfg: &cfg}
}

// Names returns the nodes' names in order.
func (c *Cluster) Names() []string { return c.names }

// Node returns a running node, nil if it is stopped.
func (c *Cluster) Node(name string) *node.Node {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.nodes[name].node
}

// Restart starts a node that is not running.
func (c *Cluster) Restart(name string) {
	c.t.Helper()
	r := c.nodes[name]
	id, err := node.LoadIdentity(r.cfg.Dir)
	require.NoError(c.t, err)
	f := c.Net.Join(id.Node)
	n, err := node.Open(r.cfg, node.Options{
		Fabric: f, Logger: Logger(c.t), Machines: c.machines(),
		Clock:   c.Now,
		OnFatal: func(err error) { c.t.Logf("node %s: fatal: %v", name, err) },
	})
	require.NoError(c.t, err)
	c.mu.Lock()
	defer c.mu.Unlock()
	r.node, r.fabric = n, f
}

// Now is the time of all nodes; Advance moves it on.
func (c *Cluster) Now() time.Time { return time.Now().Add(time.Duration(c.ahead.Load())) }

// Advance moves the clock of all nodes on.
func (c *Cluster) Advance(d time.Duration) { c.ahead.Add(int64(d)) }

// Kill stops a node as kill -9 does.
func (c *Cluster) Kill(name string) {
	if n, f := c.takeOut(name); n != nil {
		f.Close()
		n.Kill()
	}
}

// DiskPath returns the directory of a node's disk.
func (c *Cluster) DiskPath(name string) string { return c.nodes[name].cfg.Disks[0].Path }

// Damaged returns how many shards of a running node are marked as damaged.
func (c *Cluster) Damaged(name string) (n int64) {
	for _, d := range c.Node(name).Data().Disks() {
		if s, err := d.Stats(); err == nil {
			n += s.Bad
		}
	}
	return n
}

// WipeDisk empties the disk of a node that is stopped.
func (c *Cluster) WipeDisk(name string) {
	c.t.Helper()
	for _, d := range c.nodes[name].cfg.Disks {
		require.NoError(c.t, os.RemoveAll(d.Path))
	}
}

// Wipe empties the directory of a node that is stopped: its identity, metadata
// and disks are gone.
func (c *Cluster) Wipe(name string) {
	c.t.Helper()
	require.NoError(c.t, os.RemoveAll(c.nodes[name].cfg.Dir))
}

// Invite has another node let one in that has no identity, as a new one or one
// that was wiped. It is not started.
func (c *Cluster) Invite(name, by string) {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	defer cancel()
	require.NoError(c.t, c.Node(by).Invite(ctx, c.nodes[name].cfg))
}

// Incarnation returns which life a node's directory is in.
func (c *Cluster) Incarnation(name string) raftgroup.Incarnation {
	c.t.Helper()
	id, err := node.LoadIdentity(c.nodes[name].cfg.Dir)
	require.NoError(c.t, err)
	return id.Incarnation
}

// Stop stops a node in order.
func (c *Cluster) Stop(name string) {
	n, f := c.takeOut(name)
	if n == nil {
		return
	}
	if err := n.Close(); err != nil {
		c.t.Logf("stop %s: %v", name, err)
	}
	f.Close()
}

func (c *Cluster) takeOut(name string) (*node.Node, *fabric.Inproc) {
	c.mu.Lock()
	defer c.mu.Unlock()
	r := c.nodes[name]
	n, f := r.node, r.fabric
	r.node, r.fabric = nil, nil
	return n, f
}

// WaitReady waits until every running node serves and every Raft group that has
// a leader has all its voters.
func (c *Cluster) WaitReady() {
	c.t.Helper()
	var live []*node.Node
	for _, name := range c.names {
		if n := c.Node(name); n != nil {
			live = append(live, n)
			select {
			case <-n.Ready():
			case <-time.After(60 * time.Second):
				require.Fail(c.t, "node is not ready", name)
			}
		}
	}
	require.Eventually(c.t, func() bool { return node.Settled(live) }, 60*time.Second, 50*time.Millisecond, "groups lack voters")
}

func (c *Cluster) stop() {
	var wg sync.WaitGroup
	for _, name := range c.names {
		wg.Go(func() { c.Stop(name) })
	}
	wg.Wait()
}

// Logger writes to the test's log.
func Logger(t testing.TB) *slog.Logger {
	return slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelInfo}))
}
