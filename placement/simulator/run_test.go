package simulator

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"cairn/placement"
)

// TestRunShapes plays every event on clusters from one disk to a hundred nodes.
// Run itself checks the rules after each step.
func TestRunShapes(t *testing.T) {
	for _, shape := range [][3]int{
		{1, 1, 1}, {1, 1, 4}, {1, 2, 1}, {1, 4, 2}, {2, 1, 2}, {2, 3, 1}, {3, 1, 1}, {3, 2, 1},
		{3, 2, 4}, {3, 3, 2}, {3, 4, 1}, {4, 3, 3}, {5, 2, 2}, {7, 1, 2}, {3, 10, 8},
	} {
		for seed := range uint64(3) {
			cfg := Default()
			cfg.Zones, cfg.Nodes, cfg.Disks, cfg.Seed = shape[0], shape[1], shape[2], seed
			cfg.DiskBytes = 2e12 // a tenth of the rows
			var out strings.Builder
			require.NoError(t, Run(&out, cfg), "%v\n%s", shape, &out)
		}
	}
}

// hundredNodes is the cluster of the acceptance figures, with a quarter of the
// rows so that the test takes seconds.
func hundredNodes(t *testing.T) *Cluster {
	top, err := Default().topology()
	require.NoError(t, err)
	policies, err := placement.ChoosePolicies(top)
	require.NoError(t, err)
	counts := placement.Counts(top, policies)
	for id := range counts {
		counts[id] /= 4
	}
	c, err := NewCluster(top, counts)
	require.NoError(t, err)
	return c
}

// TestHundredNodes holds balance and moved bytes to what the design promises.
func TestHundredNodes(t *testing.T) {
	c := hundredNodes(t)
	require.Greater(t, placement.Usable(c.Topology, 1, c.Rows), 0.98, "usable share of the raw capacity as built")

	for _, step := range []struct {
		name   string
		change func() (*placement.Topology, error)
	}{
		{"add ten nodes", func() (*placement.Topology, error) { return c.grown(10) }},
		{"drain a node", func() (*placement.Topology, error) {
			return c.setDisks(func(d placement.Disk) bool { return d.Node == 17 }, placement.DiskDraining)
		}},
		{"reweight a node", func() (*placement.Topology, error) {
			return c.Topology.Edit(func(n *placement.Node, _ *placement.Disk) {
				if n.ID == 50 {
					n.Weight = 50
				}
			})
		}},
		{"take the drained node back", c.restored},
	} {
		next, err := step.change()
		require.NoError(t, err, step.name)
		plan, err := c.Rebalance(next, placement.Options{Force: true})
		require.NoError(t, err, step.name)
		require.NotEmpty(t, plan.Moves, step.name)
		require.InDelta(t, 1, plan.Excess(), 0.05, "%s: moved against ideal", step.name)
		require.NoError(t, c.CheckSpread(), step.name)
	}
	require.Greater(t, placement.Usable(c.Topology, 1, c.Rows), 0.95, "after all moves")
}

// TestZoneDestroyed rebuilds a third of all shards in the two zones left, and
// spreads them again when a new zone takes its place.
func TestZoneDestroyed(t *testing.T) {
	cfg := Default()
	cfg.Nodes, cfg.Disks = 6, 4
	top, err := cfg.topology()
	require.NoError(t, err)
	c, err := NewCluster(top, map[placement.PolicyID]int{1: 64, 2: 64, 3: 64})
	require.NoError(t, err)

	zone := func(d placement.Disk) bool { return d.Node <= 6 }
	require.NoError(t, c.Lose(zone))
	moves, err := c.Repair()
	require.NoError(t, err)
	require.NotEmpty(t, moves)
	for _, h := range placement.Margins(c.Topology, c.Policies, c.Rows, nil, nil) {
		if p := c.policy[h.Policy]; p.Class == 0 {
			require.Equal(t, int(p.M), h.Margin.Disks, "%s is whole again", p.Code())
		}
	}
	require.Zero(t, c.lost(), "every slot has a live holder")

	back, err := c.restored()
	require.NoError(t, err)
	_, err = c.Rebalance(back, placement.Options{})
	require.NoError(t, err)
	require.NoError(t, c.CheckSpread())
	h := placement.Margins(c.Topology, c.Policies, c.Rows, nil, nil)
	require.Equal(t, "survives the loss of 1 zone and 1 more node", h[0].Margin.String())
}

func TestRebuildTimeIsBoundedByTheBusiestDisk(t *testing.T) {
	c := hundredNodes(t)
	require.NoError(t, c.Lose(func(d placement.Disk) bool { return d.ID == 100 }))
	moves, err := placement.Replace(c.Topology, c.Policies, c.Rows)
	require.NoError(t, err)
	caps := Default().Caps
	bytes := func(*placement.PG) float64 { return 1e9 }
	took, exact := c.RebuildTime(moves, bytes, caps)
	require.True(t, exact)

	// Each slot takes 1e9 bytes at half a disk's bandwidth; all at once is the
	// least, one after the other the most.
	one := 1e9 / (caps.DiskBytes / streamsPerDisk)
	require.GreaterOrEqual(t, took.Seconds(), one)
	require.Less(t, took.Seconds(), one*float64(len(moves))/4)

	halved, _ := c.RebuildTime(moves, bytes, Caps{DiskBytes: caps.DiskBytes / 2, NodeBytes: caps.NodeBytes / 2})
	require.InEpsilon(t, 2*took.Seconds(), halved.Seconds(), 0.01)
}
