package cli

import (
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"cairn/placement/simulator"
	"cairn/store"
)

// simulateOptions are the flags of `cairn simulate`.
type simulateOptions struct {
	nodes     int
	zones     int
	disks     int
	diskTB    float64
	fill      float64
	diskSpeed float64
	nodeSpeed float64
	seed      uint64
}

// simulation is the JSON of `cairn simulate`.
type simulation struct {
	Nodes   int      `json:"nodes"`
	Zones   int      `json:"zones"`
	Disks   int      `json:"disks_per_node"`
	Seed    uint64   `json:"seed"`
	Seconds float64  `json:"took_s"`
	Report  []string `json:"report"`
}

func newSimulateCommand(g *global) *cobra.Command {
	d := simulator.Default()
	o := simulateOptions{}
	c := &cobra.Command{
		Use:   "simulate",
		Short: "Play failures and growth on a large cluster, without one",
		Long: `Build the placement of a cluster in memory, then lose a disk, a node and a zone,
add nodes, drain one, and carry out every move. It reports balance, what moves
against the least that could, how long rebuilding takes within the bandwidth
limits, and what is lost together; and it fails if a rule of placement breaks.
It needs no cluster and touches none.`,
		Example: "  cairn simulate --nodes 300\n  cairn simulate --nodes 3000 --disks 4 --seed 7",
		Args:    cobra.NoArgs,
		RunE:    func(*cobra.Command, []string) error { return runSimulate(g, o) },
	}
	f := c.Flags()
	f.IntVar(&o.nodes, "nodes", d.Zones*d.Nodes, "nodes in all, a multiple of the zones")
	f.IntVar(&o.zones, "zones", d.Zones, "zones")
	f.IntVar(&o.disks, "disks", d.Disks, "disks a node")
	f.Float64Var(&o.diskTB, "disk-tb", float64(d.DiskBytes)/1e12, "size of a disk in TB")
	f.Float64Var(&o.fill, "fill", d.Fill, "share of the capacity in use")
	f.Float64Var(&o.diskSpeed, "disk-mbps", d.Caps.DiskBytes/1e6, "MB/s of a disk that background work may use")
	f.Float64Var(&o.nodeSpeed, "node-mbps", d.Caps.NodeBytes/1e6, "MB/s of a node that background work may use")
	f.Uint64Var(&o.seed, "seed", 1, "picks what the failures hit")
	return c
}

// maxSimulated bounds the disks: some seconds and some GiB.
const maxSimulated = 40_000

func (o simulateOptions) config() (simulator.Config, error) {
	cfg := simulator.Default()
	if o.zones < 1 || o.nodes < o.zones || o.nodes%o.zones != 0 || o.disks < 1 || o.nodes > maxSimulated/o.disks {
		return cfg, &store.Error{
			Op: "simulate", Kind: store.KindInvalid, Resource: fmt.Sprintf("%d nodes of %d disks in %d zones", o.nodes, o.disks, o.zones),
			Hint: fmt.Sprintf("nodes must be a multiple of the zones, disks at least 1 a node and at most %d in all", maxSimulated),
		}
	}
	if o.diskTB <= 0 || o.fill <= 0 || o.fill > 1 || o.diskSpeed <= 0 || o.nodeSpeed <= 0 {
		return cfg, usagef("--disk-tb, --disk-mbps and --node-mbps must be above 0, --fill above 0 and at most 1")
	}
	cfg.Zones, cfg.Nodes, cfg.Disks = o.zones, o.nodes/o.zones, o.disks
	cfg.DiskBytes, cfg.Fill, cfg.Seed = int64(o.diskTB*1e12), o.fill, o.seed
	cfg.Caps = simulator.Caps{DiskBytes: o.diskSpeed * 1e6, NodeBytes: o.nodeSpeed * 1e6}
	return cfg, nil
}

func runSimulate(g *global, o simulateOptions) error {
	cfg, err := o.config()
	if err != nil {
		return err
	}
	if !g.json {
		return simulator.Run(g.out, cfg)
	}
	began := time.Now()
	var b textBuffer
	if err := simulator.Run(&b, cfg); err != nil {
		return err
	}
	return writeJSON(g.out, simulation{
		Nodes: o.nodes, Zones: o.zones, Disks: o.disks, Seed: o.seed, Seconds: time.Since(began).Seconds(),
		Report: strings.Split(strings.TrimRight(b.String(), "\n"), "\n"),
	})
}
