package node

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"log/slog"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cockroachdb/pebble/v2"

	"cairn/node/blob"
	"cairn/node/config"
	"cairn/node/data"
	"cairn/node/fabric"
	"cairn/node/fill"
	"cairn/node/meta"
	"cairn/node/pki"
	"cairn/node/raftgroup"
	"cairn/node/root"
	"cairn/node/worker"
	"cairn/placement"
	pb "cairn/proto"
	"cairn/store"
)

// Node is one running node.
type Node struct {
	cfg    *config.Config
	id     *Identity
	log    *slog.Logger
	fabric fabric.Fabric
	opts   Options

	host       *raftgroup.Host
	rootServer *root.Server
	planner    *root.Planner
	meta       *meta.Server
	data       *data.Server
	root       *root.Client

	// The parts below need the root and exist once ready is closed.
	rows   *meta.Client
	blobs  *blob.Client
	filler *fill.Filler
	worker *worker.Worker
	ready  chan struct{}

	fallbacks  atomic.Pointer[[]uint32] // fallback groups that the disks have shards of
	started    time.Time
	registered chan struct{} // closed when the root knows this incarnation
	killed     atomic.Bool
	cancel     context.CancelFunc
	running    sync.WaitGroup
	closers    []func() error
}

// Options are what the process gives a node beside its configuration.
type Options struct {
	// Fabric connects it to the others; the node does not close it.
	Fabric fabric.Fabric
	Logger *slog.Logger
	// Machines are the services' state machines; all nodes must have the same.
	Machines []store.Machine
	// Cache is Pebble's block cache, shared by the nodes of one process; may
	// be nil.
	Cache *pebble.Cache
	// OnFatal is called when a disk failure left the node unable to keep its
	// promises; it should be closed.
	OnFatal func(error)
	// Clock gives the time of blobs, of groups that this node leads, of its
	// background work, and of the certificates it signs; nil means time.Now.
	Clock func() time.Time
	// Credentials are what Fabric connects with; the node renews them. nil: the
	// nodes are in one process and need none.
	Credentials *pki.Credentials
}

// Open starts the node whose identity is in cfg.Dir. It returns when the node
// serves others; see [Node.Ready] for the rest.
func Open(cfg *config.Config, opts Options) (*Node, error) {
	id, err := LoadIdentity(cfg.Dir)
	if err != nil {
		return nil, err
	}
	if opts.Clock == nil {
		opts.Clock = time.Now
	}
	ctx, cancel := context.WithCancel(context.Background())
	n := &Node{
		cfg: cfg, id: id, fabric: opts.Fabric, opts: opts, cancel: cancel,
		log: opts.Logger.With("node", id.Name), started: time.Now(),
		ready: make(chan struct{}), registered: make(chan struct{}),
	}
	if err := n.open(ctx); err != nil {
		return nil, errors.Join(err, n.Close())
	}
	return n, nil
}

func (n *Node) open(ctx context.Context) error {
	for peer, addr := range n.id.Seeds {
		n.fabric.SetPeer(peer, addr)
	}
	if err := n.openRaft(); err != nil {
		return err
	}
	if err := n.openDisks(); err != nil {
		return err
	}
	n.serveReport()
	n.serveJoins()
	n.fabric.Handle(MethodRenew, n.serveRenewal)
	n.running.Go(func() { n.followMap(ctx) })
	n.running.Go(func() { n.begin(ctx) })
	n.running.Go(func() { n.watchFallbacks(ctx) })
	if n.opts.Credentials != nil {
		n.running.Go(func() { n.renewCertificates(ctx) })
	}
	return nil
}

// openRaft starts the host, the way to the root, and the replicas that this
// node has state of.
func (n *Node) openRaft() (err error) {
	n.host, err = raftgroup.Open(raftgroup.Options{
		Dir: filepath.Join(n.cfg.Dir, "meta"), Fabric: n.fabric, Incarnation: n.id.Incarnation,
		Logger: n.log, Cache: n.opts.Cache, OnFatal: n.opts.OnFatal, Clock: n.opts.Clock,
	})
	if err != nil {
		return err
	}
	n.onClose(n.stopHost)
	session, err := randomSession()
	if err != nil {
		return err
	}
	n.rootServer = root.NewServer(n.host, n.fabric)
	n.root = root.StartClient(root.ClientConfig{
		Fabric: n.fabric, Logger: n.log, Seeds: n.seeds(), Session: session, Beat: n.heartbeat,
	})
	n.onClose(func() error { n.rootServer.Close(); n.root.Close(); return nil })
	n.meta = meta.NewServer(n.host, n.root.View(), n.fabric, n.log, n.opts.Machines...)
	n.planner = root.StartPlanner(n.root, n.rootServer, n.cfg.DownOut, n.log)
	n.onClose(func() error { n.planner.Close(); return nil })
	return n.resumeGroups()
}

// resumeGroups starts the replicas that are on disk, and the root group's first
// one on the founder.
func (n *Node) resumeGroups() error {
	stored, err := n.host.Stored()
	if err != nil {
		return err
	}
	if n.id.Founder && len(stored) == 0 {
		self := raftgroup.Member{Node: n.id.Node, Incarnation: n.id.Incarnation, Voter: true}
		return n.rootServer.Open([]raftgroup.Member{self})
	}
	for _, g := range stored {
		if err := n.openGroup(uint32(g), nil); err != nil {
			return err
		}
	}
	return nil
}

func (n *Node) openGroup(id uint32, members []raftgroup.Member) error {
	if id == uint32(root.Group) {
		return n.rootServer.Open(members)
	}
	return n.meta.Open(id, members)
}

// randomSession names commands by a random client number with the top bit set;
// numbers given by the root have it clear.
func randomSession() (*raftgroup.Session, error) {
	var b [8]byte
	_, err := rand.Read(b[:])
	return raftgroup.NewSession(binary.BigEndian.Uint64(b[:]) | 1<<63), err
}

func (n *Node) seeds() []placement.NodeID {
	out := []placement.NodeID{n.id.Node}
	for id := range n.id.Seeds {
		out = append(out, id)
	}
	return out
}

func (n *Node) onClose(f func() error) { n.closers = append(n.closers, f) }

// Kill stops the node as kill -9 stops a process: nothing is flushed, and the
// next Open recovers. Cut the node off its fabric first.
func (n *Node) Kill() {
	n.killed.Store(true)
	_ = n.Close() // a killed process reports nothing
}

func (n *Node) stopHost() error {
	if n.killed.Load() {
		n.host.Kill()
		return nil
	}
	return n.host.Close()
}

// Close stops the node and flushes.
func (n *Node) Close() error {
	n.cancel()
	n.running.Wait()
	var errs []error
	for i := len(n.closers) - 1; i >= 0; i-- {
		errs = append(errs, n.closers[i]())
	}
	return errors.Join(errs...)
}

// ID returns the node's number.
func (n *Node) ID() placement.NodeID { return n.id.Node }

// Name returns the node's name.
func (n *Node) Name() string { return n.id.Name }

// Root returns the node's way to the root: its view of the cluster, the
// liveness of all, and the registry of names.
func (n *Node) Root() *root.Client { return n.root }

// Meta returns the node's metadata replicas.
func (n *Node) Meta() *meta.Server { return n.meta }

// Data returns the node's disks.
func (n *Node) Data() *data.Server { return n.data }

// Filler returns the node's filler, and Worker its background work; both are nil
// until the node is ready.
func (n *Node) Filler() *fill.Filler { return n.filler }

// Worker returns the node's background work.
func (n *Node) Worker() *worker.Worker { return n.worker }

// ClusterKey returns the key that seals the cluster's secrets.
func (n *Node) ClusterKey() [32]byte { return n.clusterKey() }

// Ready is closed when the node can serve clients: it is registered and the
// cluster is formed.
func (n *Node) Ready() <-chan struct{} { return n.ready }

// Store returns the engine as services see it. It may be used once the node is
// ready.
func (n *Node) Store() store.Store {
	return struct {
		store.Names
		store.Rows
		store.Blobs
	}{n.root, n.rows, n.blobs}
}

// register tells the root of this node and its disks, until it knows.
func (n *Node) register(ctx context.Context) (*pb.RegisterReply, error) {
	for {
		reply := &pb.RegisterReply{}
		err := n.root.Propose(ctx, &pb.RootCommand{Cmd: &pb.RootCommand_Register{
			Register: &pb.RegisterNode{Node: nodeRow(n.cfg, n.id.Incarnation), Disks: n.data.Rows()},
		}}, reply)
		if err == nil || ctx.Err() != nil || !retryable(err) {
			return reply, err
		}
		n.log.Info("waiting for the root group", "err", err)
		sleep(ctx, time.Second)
	}
}

func retryable(err error) bool {
	return store.Is(err, store.KindUnavailable) || store.Is(err, store.KindTimeout) || store.Is(err, store.KindMoved)
}

func sleep(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}
