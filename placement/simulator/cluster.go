package simulator

import (
	"fmt"

	"cairn/placement"
)

// Cluster is a topology, its rows, and the truth about its shards. It is not
// safe for concurrent use.
type Cluster struct {
	Topology *placement.Topology
	Policies []placement.Policy
	Rows     []placement.PG

	policy   map[placement.PolicyID]placement.Policy
	row      map[placement.PGID]int
	complete [][]placement.DiskID // by row and slot: the disk that has every shard, 0 for none
}

// NewCluster builds the rows that suit the topology; counts may be nil.
func NewCluster(t *placement.Topology, counts map[placement.PolicyID]int) (*Cluster, error) {
	policies, err := placement.ChoosePolicies(t)
	if err != nil {
		return nil, err
	}
	if counts == nil {
		counts = placement.Counts(t, policies)
	}
	rows, err := placement.Build(t, policies, counts, 1)
	if err != nil {
		return nil, err
	}
	c := &Cluster{
		Topology: t, Policies: policies, Rows: rows,
		policy: make(map[placement.PolicyID]placement.Policy), row: make(map[placement.PGID]int, len(rows)),
		complete: make([][]placement.DiskID, len(rows)),
	}
	for _, p := range policies {
		c.policy[p.ID] = p
	}
	for r := range rows {
		c.row[rows[r].ID] = r
		c.complete[r] = append([]placement.DiskID(nil), rows[r].Holders...)
	}
	return c, c.Check()
}

// Change replaces the topology. The shards on disks that are not counted any
// more are lost.
func (c *Cluster) Change(t *placement.Topology) {
	c.Topology = t
	for r := range c.complete {
		for i, d := range c.complete[r] {
			if d != 0 && !t.Counted(d) {
				c.complete[r][i] = 0
			}
		}
	}
}

// redundancy returns how many complete shards beyond k the row reaches, by the
// record, not by the row's own account.
func (c *Cluster) redundancy(r int) int {
	pg := &c.Rows[r]
	n := 0
	for i, d := range c.complete[r] {
		if d != 0 && (pg.Holders[i] == d || pg.PrevOf(i) == d) {
			n++
		}
	}
	return n - int(c.policy[pg.Policy].K)
}

// Begin begins a move; Finish ends it. Between them the shard is being copied.
func (c *Cluster) Begin(m placement.Move) error {
	r := c.row[m.PG]
	next, err := c.Rows[r].Begin(m)
	if err != nil {
		return err
	}
	return c.replace(r, next)
}

// Finish records that the move's target has every shard of the slot, and says so
// in the row. It fails if the row has too few shards left to rebuild from;
// fallback rows are empty here, so nothing is missing on their new disks.
func (c *Cluster) Finish(m placement.Move) error {
	r := c.row[m.PG]
	if c.Rows[r].Class == placement.PGNormal && c.redundancy(r) < 0 {
		return fmt.Errorf("group %d is unreadable: slot %d cannot be rebuilt", m.PG, m.Slot)
	}
	next, err := c.Rows[r].Done(m.Slot, m.To)
	if err != nil {
		return err
	}
	if c.Topology.Counted(m.To) {
		c.complete[r][m.Slot] = m.To
	}
	return c.replace(r, next)
}

// replace installs a row that background work made, and checks that it took no
// shard away: neither did redundancy fall nor does a complete shard lie on a
// disk that the row does not name.
func (c *Cluster) replace(r int, next placement.PG) error {
	before := c.redundancy(r)
	if next.Gen != c.Rows[r].Gen+1 {
		return fmt.Errorf("group %d went from generation %d to %d", next.ID, c.Rows[r].Gen, next.Gen)
	}
	c.Rows[r] = next
	if after := c.redundancy(r); after < before {
		return fmt.Errorf("group %d fell from %d to %d spare shards by background work", next.ID, before, after)
	}
	for i, d := range c.complete[r] {
		if d != 0 && next.Holders[i] != d && next.PrevOf(i) != d {
			return fmt.Errorf("group %d: disk %d left slot %d before it was complete elsewhere", next.ID, d, i)
		}
	}
	return nil
}

// lost counts the slots whose holder is not counted.
func (c *Cluster) lost() (n int) {
	for i := range c.Rows {
		for _, d := range c.Rows[i].Holders {
			if !c.Topology.Counted(d) {
				n++
			}
		}
	}
	return n
}

// Check verifies the rules of placement for all rows, and that the rows' own
// account of their redundancy is never better than the record.
func (c *Cluster) Check() error {
	bad, err := placement.Check(c.Topology, c.Policies, c.Rows)
	if err != nil {
		return err
	}
	for _, v := range bad {
		if v.Hard {
			return fmt.Errorf("%d rows are placed badly: %v", len(bad), v)
		}
	}
	for r := range c.Rows {
		pg := &c.Rows[r]
		if claimed, have := placement.Redundancy(c.Topology, c.policy[pg.Policy], pg), c.redundancy(r); claimed > have {
			return fmt.Errorf("group %d claims %d spare shards and has %d", pg.ID, claimed, have)
		}
	}
	return nil
}

// CheckSpread is Check, and no row may be spread worse than it could be: what
// holds once all plans are executed.
func (c *Cluster) CheckSpread() error {
	bad, err := placement.Check(c.Topology, c.Policies, c.Rows)
	if err != nil {
		return err
	}
	if len(bad) > 0 {
		return fmt.Errorf("%d rows are placed badly: %v", len(bad), bad[0])
	}
	return c.Check()
}
