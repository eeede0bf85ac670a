package node

import (
	"context"
	"time"

	"cairn/node/blob"
	"cairn/node/data"
	"cairn/node/fill"
	"cairn/node/meta"
	"cairn/node/raftgroup"
	"cairn/node/root"
	"cairn/node/worker"
	pb "cairn/proto"
	"cairn/store"
)

// begin does what needs the root: it makes the cluster on its founder,
// registers, waits until the cluster is formed, and opens the services.
func (n *Node) begin(ctx context.Context) {
	if err := n.beginOnce(ctx); err != nil && ctx.Err() == nil {
		n.log.Error("the node cannot begin", "err", err)
		n.fatal(err)
	}
}

func (n *Node) fatal(err error) {
	if n.opts.OnFatal != nil {
		n.opts.OnFatal(err)
	}
}

func (n *Node) beginOnce(ctx context.Context) error {
	if n.id.Founder {
		if err := n.initCluster(ctx); err != nil {
			return err
		}
	}
	reply, err := n.register(ctx)
	if err != nil {
		return err
	}
	if err := n.adoptDisks(reply); err != nil {
		return err
	}
	close(n.registered)
	if err := n.root.Wait(ctx, func(v *root.View) bool { return v.Cluster().Formed }); err != nil {
		return err
	}
	var w pb.WriterReply
	for {
		err := n.root.Propose(ctx, &pb.RootCommand{Cmd: &pb.RootCommand_NextWriter{NextWriter: &pb.NextWriter{}}}, &w)
		if err == nil {
			break
		}
		if ctx.Err() != nil || !retryable(err) {
			return err
		}
		sleep(ctx, time.Second)
	}
	n.openClients(w.Writer)
	close(n.ready)
	return nil
}

// openClients makes the store of this node, and starts the background work.
func (n *Node) openClients(writer uint32) {
	session, view := raftgroup.NewSession(uint64(writer)), n.root.View()
	remote := data.NewClient(n.fabric)
	n.rows = meta.NewClient(n.fabric, n.root, session)
	n.blobs = blob.New(blob.Config{Shards: remote, View: view, Live: n.root.Live(), Writer: writer, Clock: n.opts.Clock})
	n.onClose(func() error { n.blobs.Close(); return nil })
	n.filler = fill.Start(fill.Config{
		Local: n.data, Remote: remote, Blobs: n.blobs, Root: n.root, Logger: n.log, PassOver: n.passOver,
	})
	n.filler.Serve(n.fabric)
	n.onClose(func() error { n.filler.Close(); return nil })
	n.worker = worker.Start(worker.Config{
		Fabric: n.fabric, Root: n.root, Meta: n.meta, Rows: n.rows, Data: remote, Local: n.data,
		Blobs: n.blobs, Session: session, Clock: n.opts.Clock, Logger: n.log,
	})
	n.onClose(func() error { n.worker.Close(); return nil })
}

// passOver asks the owner of a blob whether it refers to it; see [meta.Client].
func (n *Node) passOver(ctx context.Context, owner store.Owner, blob store.BlobID, gen uint32, slot int) (bool, error) {
	return n.rows.PassOver(ctx, owner.NS, owner.Key, blob, gen, slot)
}

// initCluster writes the cluster's row, once. The CA's key goes into the root
// table, sealed, so that any member can let others in.
func (n *Node) initCluster(ctx context.Context) error {
	sealed, err := seal(n.clusterKey(), caLabel, []byte(n.id.CAKey))
	if err != nil {
		return err
	}
	row := &pb.ClusterRow{
		ClusterId: n.id.Cluster, FeatureLevel: 1, ExpectNodes: uint32(n.cfg.Expect), MetaGroups: uint32(n.cfg.MetaGroups),
		CaCert: []byte(n.id.CACert), CaKeySealed: sealed,
	}
	for {
		err := n.root.Propose(ctx, &pb.RootCommand{Cmd: &pb.RootCommand_Init{Init: row}}, nil)
		if err == nil || ctx.Err() != nil || !retryable(err) {
			return err
		}
		sleep(ctx, 200*time.Millisecond)
	}
}

// followMap keeps what follows from the root's rows: the addresses of the
// peers, the replicas this node should have, and, where it leads, the members
// of the groups.
func (n *Node) followMap(ctx context.Context) {
	for ctx.Err() == nil {
		_, changed := n.root.View().Epoch()
		n.openGroups()
		n.handOver(ctx)
		again := reconcileInterval
		if !n.reconcile(ctx) {
			again = learnerInterval
		}
		tick := time.NewTimer(again)
		select {
		case <-changed:
		case <-tick.C:
		case <-ctx.Done():
		}
		tick.Stop()
	}
}

// How often memberships are compared although nothing changed in the map, and
// while a group waits for a learner.
const (
	reconcileInterval = time.Second
	learnerInterval   = 50 * time.Millisecond
)

func (n *Node) openGroups() {
	view := n.root.View()
	for _, p := range view.Nodes() {
		if id := nodeID(p); id != n.id.Node && p.Addr != "" {
			n.fabric.SetPeer(id, p.Addr)
		}
	}
	for _, g := range view.Groups() {
		for _, m := range g.Members {
			if m.Node != uint32(n.id.Node) {
				continue
			}
			if err := n.openGroup(g.Id, firstMembers(g)); err != nil {
				n.log.Error("open group", "group", g.Id, "err", err)
			}
		}
	}
}

// firstMembers is the configuration a group begins with: the incarnations that
// its row was made for. A wiped node is not among them and waits to be added.
func firstMembers(g *pb.GroupRow) []raftgroup.Member {
	if g.Id == uint32(root.Group) {
		return nil // the founder alone began it; others are added
	}
	var out []raftgroup.Member
	for _, m := range g.Members {
		if len(m.Incarnation) == len(raftgroup.Incarnation{}) {
			out = append(out, raftgroup.Member{
				Node: memberNode(m), Incarnation: raftgroup.Incarnation(m.Incarnation), Voter: true,
			})
		}
	}
	return out
}

// reconcile brings the members of the groups that this node leads to what the
// map wants. It reports whether none of them waits for a learner.
func (n *Node) reconcile(ctx context.Context) (settled bool) {
	settled = true
	for _, g := range n.Groups() {
		want := n.root.View().GroupMembers(uint32(g.ID()))
		if len(want) == 0 || !g.IsLeader() {
			continue
		}
		p, err := n.reconcileGroup(ctx, g, want)
		if err != nil && ctx.Err() == nil {
			n.log.Warn("change of group members", "group", g.ID(), "err", err)
		}
		settled = settled && p != raftgroup.Waiting
	}
	return settled
}

// reconcileGroup makes step after step while there is one to make.
func (n *Node) reconcileGroup(ctx context.Context, g *raftgroup.Group, want []raftgroup.Wanted) (raftgroup.Progress, error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	for {
		p, err := g.Reconcile(ctx, want)
		if err != nil || p != raftgroup.Stepped {
			return p, err
		}
	}
}
