package simulator

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"time"

	"cairn/placement"
)

// Config describes a simulated cluster.
type Config struct {
	Zones, Nodes, Disks int     // zones, nodes a zone, disks a node
	DiskBytes           int64   // capacity of a disk
	Fill                float64 // share of the capacity in use
	Caps                Caps
	Seed                uint64 // picks which disks and nodes the events hit
}

// Default is a cluster of 102 nodes and 1,224 disks of 20 TB, 80 % full, where
// background work may use 40 MB/s of a disk and 600 MB/s of a node.
func Default() Config {
	return Config{
		Zones: 3, Nodes: 34, Disks: 12, DiskBytes: 20e12, Fill: 0.8,
		Caps: Caps{DiskBytes: 40e6, NodeBytes: 600e6}, Seed: 1,
	}
}

// topology builds the cluster's nodes and disks, numbered from 1.
func (cfg Config) topology() (*placement.Topology, error) {
	var nodes []placement.Node
	var disks []placement.Disk
	for z := range cfg.Zones {
		for range cfg.Nodes {
			node := placement.NodeID(len(nodes) + 1)
			nodes = append(nodes, placement.Node{ID: node, Name: fmt.Sprintf("n%d", node), Zone: fmt.Sprintf("z%02d", z+1)})
			for range cfg.Disks {
				disks = append(disks, placement.Disk{ID: placement.DiskID(len(disks) + 1), Node: node, Capacity: cfg.DiskBytes})
			}
		}
	}
	return placement.NewTopology(nodes, disks)
}

// Run builds the cluster, plays one event of each kind, and prints the report.
// It fails at the first broken rule, naming it.
func Run(w io.Writer, cfg Config) error {
	t, err := cfg.topology()
	if err != nil {
		return err
	}
	started := time.Now()
	c, err := NewCluster(t, nil)
	if err != nil {
		return err
	}
	r := &run{Cluster: c, w: w, cfg: cfg, rand: rand.New(rand.NewPCG(cfg.Seed, 0))}
	r.header(time.Since(started))
	for _, step := range []func() error{r.loseDisk, r.loseNode, r.zoneAway, r.addNodes, r.drainNode, r.reweightNode, r.correlated} {
		if err := errors.Join(step(), r.restore()); err != nil {
			return fmt.Errorf("seed %d: %w", cfg.Seed, err)
		}
	}
	return nil
}

// restore makes the cluster whole again, so that each event starts from health.
func (r *run) restore() error {
	t, err := r.restored()
	if err != nil {
		return err
	}
	if _, err := r.Rebalance(t, placement.Options{}); err != nil {
		return err
	}
	return r.CheckSpread()
}

// run is one simulation and its report.
type run struct {
	*Cluster
	w    io.Writer
	cfg  Config
	rand *rand.Rand
}

// slotBytes spreads the bytes in use over the slots of the standard code; the
// other rows are taken to be empty.
func (r *run) slotBytes() func(*placement.PG) float64 {
	std := r.Policies[0]
	rows := 0
	for i := range r.Rows {
		if r.Rows[i].Policy == std.ID && r.Rows[i].Class == placement.PGNormal {
			rows++
		}
	}
	raw := float64(r.cfg.DiskBytes) * r.cfg.Fill * float64(r.cfg.Zones*r.cfg.Nodes*r.cfg.Disks)
	slot := raw / float64(rows*std.N())
	return func(pg *placement.PG) float64 {
		if pg.Policy != std.ID || pg.Class != placement.PGNormal {
			return 0
		}
		return slot
	}
}

func (r *run) anyNode() placement.NodeID {
	nodes := r.Topology.Nodes()
	return nodes[r.rand.IntN(len(nodes))].ID
}

func (r *run) anyDisk() placement.DiskID {
	disks := r.Topology.Disks()
	for {
		if d := disks[r.rand.IntN(len(disks))]; d.Admin == placement.DiskIn {
			return d.ID
		}
	}
}

func (r *run) loseDisk() error {
	id := r.anyDisk()
	return r.loseAndRepair(fmt.Sprintf("lose disk %d", id), func(d placement.Disk) bool { return d.ID == id })
}

func (r *run) loseNode() error {
	id := r.anyNode()
	return r.loseAndRepair(fmt.Sprintf("lose node %d", id), func(d placement.Disk) bool {
		return d.Node == id && d.Admin == placement.DiskIn
	})
}

func (r *run) loseAndRepair(what string, f func(placement.Disk) bool) error {
	r.printf("\n%s\n", what)
	if r.fatal(f) {
		r.printf("  loses data: this cluster does not survive it\n")
		return nil
	}
	if err := r.Lose(f); err != nil {
		return err
	}
	r.left(r.Topology.Counted)
	moves, err := r.Repair()
	if err != nil {
		return err
	}
	took, exact := r.RebuildTime(moves, r.slotBytes(), r.cfg.Caps)
	r.printf("  %d slots rebuilt in %s; %d wait for a disk that may take them\n", len(moves), duration(took, exact), r.lost())
	r.balance()
	return nil
}

// fatal reports whether losing the disks makes a row unreadable.
func (r *run) fatal(f func(placement.Disk) bool) bool {
	live := func(id placement.DiskID) bool {
		d, ok := r.Topology.Disk(id)
		return ok && !f(d)
	}
	for _, h := range placement.Margins(r.Topology, r.Policies, r.Rows, live, func(*placement.PG) bool { return true }) {
		if h.Unreadable > 0 {
			return true
		}
	}
	return false
}

// zoneAway cuts a zone off for a while: nothing moves, writes go to fallback
// rows.
func (r *run) zoneAway() error {
	zone := r.Topology.Zones()[r.rand.IntN(r.cfg.Zones)]
	live := func(d placement.DiskID) bool {
		n, ok := r.Topology.NodeOf(d)
		return ok && n.Zone != zone && r.Topology.Counted(d)
	}
	r.printf("\nzone %s away\n", zone)
	r.left(live)
	normal, fallback := r.Writable(live)
	r.printf("  writable with all shards: %d normal rows, %d fallback rows\n", normal, fallback)
	if r.cfg.Zones >= 3 && r.Policies[0].Fallback != placement.LevelNone && fallback == 0 {
		return fmt.Errorf("zone %s is away and no fallback row is writable", zone)
	}
	return nil
}

func (r *run) addNodes() error {
	n := max(1, r.cfg.Zones*r.cfg.Nodes/10)
	t, err := r.grown(n)
	if err != nil {
		return err
	}
	return r.rebalance(fmt.Sprintf("add %d nodes", n), t)
}

func (r *run) drainNode() error {
	id := r.anyNode()
	t, err := r.setDisks(func(d placement.Disk) bool { return d.Node == id && d.Admin == placement.DiskIn }, placement.DiskDraining)
	if err != nil {
		return err
	}
	return r.rebalance(fmt.Sprintf("drain node %d", id), t)
}

func (r *run) reweightNode() error {
	id := r.anyNode()
	t, err := r.Topology.Edit(func(n *placement.Node, d *placement.Disk) {
		if n.ID == id {
			n.Weight = 50
		}
	})
	if err != nil {
		return err
	}
	return r.rebalance(fmt.Sprintf("reweight node %d to 50 %%", id), t)
}

// rebalance forces the plan, since a small cluster cannot spare a node.
func (r *run) rebalance(what string, t *placement.Topology) error {
	f, err := placement.WhatIf(r.Topology, t, r.Policies, r.Rows, placement.Options{})
	if err != nil {
		return err
	}
	r.printf("\n%s\n", what)
	if f.Refused != nil {
		r.printf("  would be refused: %v\n", f.Refused)
	}
	if f.Plan == nil {
		return nil
	}
	plan, err := r.Rebalance(t, placement.Options{Force: true})
	if err != nil {
		return err
	}
	r.printf("  %d slots moved, %d at least needed: %.3f of ideal; %.1f %% of all\n",
		len(plan.Moves), plan.Ideal, plan.Excess(), 100*float64(len(plan.Moves))/float64(r.slots()))
	r.balance()
	return nil
}
