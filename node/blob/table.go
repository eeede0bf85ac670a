package blob

import (
	"fmt"
	"math/rand/v2"
	"slices"
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
	full     int    // disks that answer and are at their reserve
	epoch    uint64 // of the placement
	change   uint64 // of the peers
	made     time.Time
}

// choices are the groups of one policy in order of preference.
type choices struct {
	usable           diskSet         // may take new shards
	normal, fallback []*placement.PG // all holders usable
	partial          []*placement.PG // some are not, the rest meets the rule at node level
}

type diskSet map[placement.DiskID]bool

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
	t := &table{epoch: epoch, made: now, byPolicy: map[placement.PolicyID]*choices{}}
	if old != nil && old.epoch == epoch {
		t.topo, t.policies = old.topo, old.policies
	} else {
		topo, err := c.view.Topology()
		if err != nil {
			return nil, err
		}
		t.topo, t.policies = topo, c.view.Policies()
	}
	writable, prompt := diskSet{}, diskSet{}
	for _, d := range t.topo.Disks() {
		writable[d.ID] = c.writable(d, now)
		prompt[d.ID] = writable[d.ID] && !c.peers.slow(d.Node, now)
		if beat := c.live.Disk(d.ID); beat != nil && data.Health(beat.Health) == data.Full {
			t.full++
		}
	}
	rows := map[placement.PolicyID][]*placement.PG{}
	for _, pg := range c.view.PGs() {
		rows[pg.Policy] = append(rows[pg.Policy], pg)
	}
	for _, p := range t.policies {
		ch := t.choose(p, rows[p.ID], prompt)
		if ch.empty() {
			ch = t.choose(p, rows[p.ID], writable) // better slow than not at all
		}
		t.byPolicy[p.ID] = ch
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

// choose sorts the open groups of a policy by what the usable disks make of them.
func (t *table) choose(p placement.Policy, rows []*placement.PG, usable diskSet) *choices {
	ch := &choices{usable: usable}
	for _, pg := range rows {
		mask := usable.of(pg)
		switch {
		case pg.State != placement.StateOpen:
		case mask != p.All():
			if p.AckedAt(placement.LevelNode, pg, t.topo, mask) {
				ch.partial = append(ch.partial, pg)
			}
		case pg.Class == placement.PGFallback:
			ch.fallback = append(ch.fallback, pg)
		default:
			ch.normal = append(ch.normal, pg)
		}
	}
	return ch
}

func (ch *choices) empty() bool { return len(ch.normal)+len(ch.fallback)+len(ch.partial) == 0 }

// of has a bit for each slot of a group whose disk is in the set.
func (s diskSet) of(pg *placement.PG) (mask uint16) {
	for i, d := range pg.Holders {
		if s[d] {
			mask |= 1 << i
		}
	}
	return mask
}

// pick returns a group for a new blob, none of tried, and the slots whose disks
// may be written. A nil group means that there is none left.
func (t *table) pick(p placement.Policy, tried []placement.PGID) (pg *placement.PG, usable uint16) {
	ch := t.byPolicy[p.ID]
	if ch == nil {
		return nil, 0
	}
	for _, list := range [][]*placement.PG{ch.normal, ch.fallback, ch.partial} {
		if pg := random(list, tried); pg != nil {
			return pg, ch.usable.of(pg)
		}
	}
	return nil, 0
}

// random returns a group of the list at random that was not tried yet.
func random(list []*placement.PG, tried []placement.PGID) *placement.PG {
	if len(list) == 0 {
		return nil
	}
	at := rand.IntN(len(list))
	for i := range list {
		pg := list[(at+i)%len(list)]
		if !slices.Contains(tried, pg.ID) {
			return pg
		}
	}
	return nil
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
