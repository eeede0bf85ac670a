package simulator

import (
	"errors"
	"fmt"
	"slices"

	"cairn/placement"
)

// maxRounds bounds how often repairs are planned for one event: each round
// replaces a lost slot of every row that has one.
const maxRounds = placement.MaxShards + 1

// Rebalance plans from the current topology to t, changes to it and executes all
// moves.
func (c *Cluster) Rebalance(t *placement.Topology, opt placement.Options) (*placement.Plan, error) {
	plan, err := placement.NewPlan(c.Topology, t, c.Policies, c.Rows, opt)
	if err != nil {
		return nil, err
	}
	c.Change(t)
	for _, m := range plan.Moves {
		if err := errors.Join(c.Begin(m), c.Finish(m)); err != nil {
			return nil, err
		}
	}
	return plan, c.Check()
}

// Repair executes repairs until none is left and returns all of them.
func (c *Cluster) Repair() ([]placement.Move, error) {
	var all []placement.Move
	for range maxRounds {
		moves, err := placement.Replace(c.Topology, c.Policies, c.Rows)
		if err != nil || len(moves) == 0 {
			return all, errors.Join(err, c.Check())
		}
		for _, m := range moves {
			if err := errors.Join(c.Begin(m), c.Finish(m)); err != nil {
				return nil, err
			}
		}
		all = append(all, moves...)
	}
	return nil, fmt.Errorf("repairs did not end after %d rounds", maxRounds)
}

// Lose marks the disks that f selects as out: their shards are gone.
func (c *Cluster) Lose(f func(placement.Disk) bool) error {
	t, err := c.setDisks(f, placement.DiskOut)
	if err != nil {
		return err
	}
	c.Change(t)
	return nil
}

// setDisks returns the topology with the selected disks in another state.
func (c *Cluster) setDisks(f func(placement.Disk) bool, s placement.AdminState) (*placement.Topology, error) {
	return c.Topology.Edit(func(_ *placement.Node, d *placement.Disk) {
		if f(*d) {
			d.Admin = s
		}
	})
}

// grown returns the topology with more nodes like the first one, in turn over
// the zones.
func (c *Cluster) grown(nodes int) (*placement.Topology, error) {
	t := c.Topology
	ns, ds := slices.Clone(t.Nodes()), slices.Clone(t.Disks())
	node, disk := ns[len(ns)-1].ID, ds[len(ds)-1].ID
	model := ns[0].ID
	for i := range nodes {
		node++
		ns = append(ns, placement.Node{ID: node, Zone: t.Zones()[i%len(t.Zones())]})
		for _, d := range t.Disks() {
			if d.Node == model {
				disk++
				ds = append(ds, placement.Disk{ID: disk, Node: node, Capacity: d.Capacity, Class: d.Class})
			}
		}
	}
	return placement.NewTopology(ns, ds)
}

// restored returns the topology with everything back in service: lost disks are
// retired and new ones are in their places, nothing drains, weights are equal.
func (c *Cluster) restored() (*placement.Topology, error) {
	ns, ds := slices.Clone(c.Topology.Nodes()), slices.Clone(c.Topology.Disks())
	for i := range ns {
		ns[i].Weight = 0
	}
	next := ds[len(ds)-1].ID
	for i := range ds {
		switch d := &ds[i]; d.Admin {
		case placement.DiskDraining:
			d.Admin = placement.DiskIn
		case placement.DiskOut:
			d.Admin = placement.DiskRetired
			next++
			ds = append(ds, placement.Disk{ID: next, Node: d.Node, Capacity: d.Capacity, Class: d.Class})
		}
	}
	return placement.NewTopology(ns, ds)
}

// Writable returns how many normal and fallback rows have all their disks live,
// and whether each of the latter may be acknowledged.
func (c *Cluster) Writable(live func(placement.DiskID) bool) (normal, fallback int) {
	for r := range c.Rows {
		pg := &c.Rows[r]
		p := c.policy[pg.Policy]
		if slices.ContainsFunc(pg.Holders, func(d placement.DiskID) bool { return !live(d) }) ||
			!p.Acked(pg, c.Topology, uint16(1<<p.N()-1)) {
			continue
		}
		if pg.Class == placement.PGNormal {
			normal++
		} else {
			fallback++
		}
	}
	return normal, fallback
}
