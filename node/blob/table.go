package blob

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"cairn/node/data"
	"cairn/node/root"
	"cairn/placement"
	"cairn/store"
)

// tableLife is how long the sorted groups are used before liveness is looked at
// again.
const tableLife = 250 * time.Millisecond

// table sorts the placement groups by what a writer may expect of them now.
type table struct {
	topo     *placement.Topology
	policies []placement.Policy
	byPolicy map[placement.PolicyID]*choices
	usable   map[placement.DiskID]bool // may take new shards
	full     int                       // disks that answer and are at their reserve
	epoch    uint64                    // of the placement
	change   uint64                    // of the peers
	made     time.Time
}

// choices are the groups of one policy in order of preference.
type choices struct {
	normal, fallback []*placement.PG // all holders usable
	partial          []*placement.PG // some are not, the rest meets the rule at node level
}

// tableCache keeps the newest table.
type tableCache struct {
	mu  sync.Mutex
	cur *table
}

// current returns the table, made anew if the placement changed, a node could not
// be reached, or time passed.
func (c *Client) current() (*table, error) {
	c.table.mu.Lock()
	defer c.table.mu.Unlock()
	now := c.clock()
	t := c.table.cur
	epoch, change := c.view.PlacementEpoch(), c.peers.changes()
	if t != nil && t.epoch == epoch && t.change == change && now.Sub(t.made) < tableLife {
		return t, nil
	}
	t, err := c.newTable(t, epoch, now)
	if err != nil {
		return nil, err
	}
	t.change = change
	c.table.cur = t
	return t, nil
}

func (c *Client) newTable(old *table, epoch uint64, now time.Time) (*table, error) {
	t := &table{
		epoch: epoch, made: now,
		byPolicy: map[placement.PolicyID]*choices{}, usable: map[placement.DiskID]bool{},
	}
	if old != nil && old.epoch == epoch {
		t.topo, t.policies = old.topo, old.policies
	} else {
		topo, err := c.view.Topology()
		if err != nil {
			return nil, err
		}
		t.topo, t.policies = topo, c.view.Policies()
	}
	for _, d := range t.topo.Disks() {
		t.usable[d.ID] = c.writable(d, now)
		if beat := c.live.Disk(d.ID); beat != nil && data.Health(beat.Health) == data.Full {
			t.full++
		}
	}
	for _, p := range t.policies {
		t.byPolicy[p.ID] = &choices{}
	}
	for _, pg := range c.view.PGs() {
		if p := c.view.Policy(pg.Policy); p != nil && pg.State == placement.StateOpen {
			t.add(pg, *p)
		}
	}
	return t, nil
}

// writable reports whether new shards may go to a disk.
func (c *Client) writable(d placement.Disk, now time.Time) bool {
	if d.Admin != placement.DiskIn || c.peers.avoided(d.Node, now) {
		return false
	}
	if state, _ := c.live.Node(d.Node); state != root.Up {
		return false
	}
	beat := c.live.Disk(d.ID)
	return beat != nil && data.Health(beat.Health) == data.Healthy
}

func (t *table) add(pg *placement.PG, p placement.Policy) {
	ch := t.byPolicy[p.ID]
	mask := t.usableMask(pg)
	switch {
	case ch == nil: // the policy is newer than the table
	case mask != 1<<p.N()-1:
		if p.AckedAt(placement.LevelNode, pg, t.topo, mask) {
			ch.partial = append(ch.partial, pg)
		}
	case pg.Class == placement.PGFallback:
		ch.fallback = append(ch.fallback, pg)
	default:
		ch.normal = append(ch.normal, pg)
	}
}

// usableMask has a bit for each slot whose disk may take new shards.
func (t *table) usableMask(pg *placement.PG) (mask uint16) {
	for i, d := range pg.Holders {
		if t.usable[d] {
			mask |= 1 << i
		}
	}
	return mask
}

// pick returns a group for a new blob and whether all its holders are usable,
// none of tried. A nil group means that there is none left.
func (t *table) pick(p placement.Policy, tried []placement.PGID) (pg *placement.PG, whole bool) {
	ch := t.byPolicy[p.ID]
	if ch == nil {
		return nil, false
	}
	for _, list := range [][]*placement.PG{ch.normal, ch.fallback} {
		if pg := random(list, tried); pg != nil {
			return pg, true
		}
	}
	return random(ch.partial, tried), false
}

// random returns a group of the list at random that was not tried yet.
func random(list []*placement.PG, tried []placement.PGID) *placement.PG {
	if len(list) == 0 {
		return nil
	}
	at := rand.IntN(len(list))
	for i := range list {
		pg := list[(at+i)%len(list)]
		if !contains(tried, pg.ID) {
			return pg
		}
	}
	return nil
}

func contains(list []placement.PGID, id placement.PGID) bool {
	for _, x := range list {
		if x == id {
			return true
		}
	}
	return false
}

// noGroups explains why nothing can be written.
func (t *table) noGroups(p placement.Policy) error {
	if t.full > 0 {
		return &store.Error{
			Op: "put blob", Kind: store.KindNoSpace, Resource: fmt.Sprintf("%d of %d disks are full", t.full, len(t.topo.Disks())),
			Hint: "add disks, or delete something: deletes still work; see `cairn status`",
		}
	}
	return &store.Error{
		Op: "put blob", Kind: store.KindUnavailable, Resource: p.Code(),
		Hint: "too few disks take writes; see `cairn status`",
	}
}
