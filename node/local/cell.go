package local

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/cockroachdb/pebble/v2"

	"cairn/node"
	"cairn/node/config"
	"cairn/node/fabric"
	"cairn/store"
)

// Config says what cell to run.
type Config struct {
	Dir      string
	Layout   Layout
	Machines []store.Machine
	Logger   *slog.Logger
	// DownOut is how long a node may be silent before its shards are rebuilt;
	// 0 means the usual time.
	DownOut time.Duration
}

// Cell is a running cell.
type Cell struct {
	cfg     Config
	network *fabric.Network
	cache   *pebble.Cache
	members []*member // fixed; zone by zone

	closing context.Context // ends when Close begins
	close   context.CancelFunc
	running sync.WaitGroup // what kills members that failed
}

// Bytes of Pebble's block cache for all nodes of the process together.
const cacheBytes = 128 << 20

// Open starts all nodes of the cell in cfg.Dir, making what is not there yet. A
// node that does not open is logged and left stopped, unless too many do so for
// the cell to work. The cell serves once [Cell.WaitReady] returns.
func Open(ctx context.Context, cfg Config) (*Cell, error) {
	if err := cfg.Layout.Validate(); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(cfg.Dir, 0o700); err != nil {
		return nil, err
	}
	if err := settleLayout(cfg.Dir, cfg.Layout); err != nil {
		return nil, err
	}
	c := &Cell{cfg: cfg, network: fabric.NewNetwork(), cache: pebble.NewCache(cacheBytes)}
	c.closing, c.close = context.WithCancel(context.Background())
	if err := c.addMembers(); err != nil {
		return nil, errors.Join(err, c.Close())
	}
	if err := c.startAll(ctx); err != nil {
		return nil, errors.Join(err, c.Close())
	}
	return c, nil
}

// addMembers describes the nodes.
func (c *Cell) addMembers() error {
	total := c.cfg.Layout.Zones * c.cfg.Layout.Nodes
	bytes, err := share(c.cfg.Dir, total)
	if err != nil {
		return err
	}
	c.cfg.Layout.each(func(zone, name string) {
		n := config.Default()
		n.Name, n.Zone, n.Dir, n.Expect = name, zone, filepath.Join(c.cfg.Dir, name), total
		n.Listen, n.Advertise, n.S3, n.Admin = "", "", "", ""
		n.Complete()
		n.Disks[0].Bytes = bytes
		if c.cfg.DownOut > 0 {
			n.DownOut = c.cfg.DownOut
		}
		c.members = append(c.members, &member{cell: c, name: name, zone: zone, cfg: &n})
	})
	return nil
}

// startAll starts the nodes that have an identity side by side, then invites
// the others.
func (c *Cell) startAll(ctx context.Context) error {
	founder := c.members[0]
	if _, err := node.LoadIdentity(founder.cfg.Dir); store.Is(err, store.KindNotFound) {
		if err := node.Found(founder.cfg); err != nil {
			return fmt.Errorf("found the cell: %w", err)
		}
	}
	var old, fresh []*member
	for _, m := range c.members {
		if _, err := node.LoadIdentity(m.cfg.Dir); store.Is(err, store.KindNotFound) {
			fresh = append(fresh, m)
		} else {
			old = append(old, m)
		}
	}
	errs := c.startEach(old)
	if len(errs) == len(old) {
		return errors.Join(errs...)
	}
	if len(fresh) == 0 {
		return nil
	}
	r := founder.run.Load()
	if r == nil {
		return errors.Join(errs...)
	}
	for _, m := range fresh {
		if err := r.node.Invite(ctx, m.cfg); err != nil {
			return fmt.Errorf("invite %s: %w", m.name, err)
		}
	}
	return errors.Join(c.startEach(fresh)...)
}

// startEach starts members at the same time and returns the errors of those
// that did not.
func (c *Cell) startEach(list []*member) []error {
	results := make([]error, len(list))
	var wg sync.WaitGroup
	for i, m := range list {
		wg.Go(func() { results[i] = m.start() })
	}
	wg.Wait()
	var errs []error
	for i, err := range results {
		if err != nil {
			c.cfg.Logger.Error("a node does not start", "node", list[i].name, "err", err)
			errs = append(errs, err)
		}
	}
	return errs
}

// WaitReady waits until every node that runs can serve clients and every Raft
// group has all its voters: before that, losing the founder loses the cell.
func (c *Cell) WaitReady(ctx context.Context) error {
	for _, m := range c.members {
		r := m.run.Load()
		if r == nil {
			continue
		}
		select {
		case <-r.node.Ready():
		case <-r.life.Done():
		case <-ctx.Done():
			return fmt.Errorf("wait for node %s: %w", m.name, ctx.Err())
		}
	}
	tick := time.NewTicker(settleInterval)
	defer tick.Stop()
	for !node.Settled(c.Live()) {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("wait for the metadata groups: %w", ctx.Err())
		}
	}
	return nil
}

const settleInterval = 50 * time.Millisecond

// Kill stops a node like kill -9. One that is stopped already is no error.
func (c *Cell) Kill(name string) error {
	m, err := c.member(name)
	if err != nil {
		return err
	}
	m.kill(nil)
	return nil
}

// Start starts a node that was killed. One that runs is no error.
func (c *Cell) Start(name string) error {
	m, err := c.member(name)
	if err != nil {
		return err
	}
	if c.closing.Err() != nil {
		return store.Errorf(store.KindUnavailable, "start node", "the process is stopping")
	}
	return m.start()
}

func (c *Cell) member(name string) (*member, error) {
	for _, m := range c.members {
		if m.name == name {
			return m, nil
		}
	}
	return nil, &store.Error{
		Op: "find node", Kind: store.KindNotFound, Resource: fmt.Sprintf("%q", name), Hint: "see `cairn node list`",
	}
}

// Zone returns the names of the nodes of a zone.
func (c *Cell) Zone(zone string) ([]string, error) {
	var names []string
	for _, m := range c.members {
		if m.zone == zone {
			names = append(names, m.name)
		}
	}
	if names == nil {
		return nil, &store.Error{
			Op: "find zone", Kind: store.KindNotFound, Resource: fmt.Sprintf("%q", zone), Hint: "see `cairn node list`",
		}
	}
	return names, nil
}

// Live returns the nodes that run and are ready, in order.
func (c *Cell) Live() []*node.Node {
	var out []*node.Node
	for _, m := range c.members {
		if r := m.run.Load(); r != nil && r.serves() {
			out = append(out, r.node)
		}
	}
	return out
}

// Network returns the fabric of the cell, to inject faults in.
func (c *Cell) Network() *fabric.Network { return c.network }

// Close stops all nodes in order, flushing what they have.
func (c *Cell) Close() error {
	c.close()
	c.running.Wait()
	results := make([]error, len(c.members))
	var wg sync.WaitGroup
	for i, m := range c.members {
		wg.Go(func() { results[i] = m.stop() })
	}
	wg.Wait()
	c.cache.Unref()
	return errors.Join(results...)
}
