package placement

import (
	"cmp"
	"fmt"
	"slices"

	"cairn/store"
)

// Node is a machine in a zone.
type Node struct {
	ID     NodeID
	Name   string
	Zone   string
	Weight uint32 // percent of its capacity's share that it should take; 0 counts as 100
}

// Disk is a place for shards.
type Disk struct {
	ID       DiskID
	Node     NodeID
	Capacity int64 // bytes
	Class    DiskClass
	Admin    AdminState
}

// Topology is an immutable picture of a cluster. Nodes, disks and zones are
// ordered by id and name.
type Topology struct {
	nodes  []Node
	disks  []Disk
	zones  []string
	nodeAt map[NodeID]int32
	diskAt map[DiskID]int32
	zoneOf []int32 // zone index by node index
	nodeOf []int32 // node index by disk index
	avoid  []bool  // by disk index: takes no shards now; nil for none
}

// NewTopology checks and indexes nodes and disks; the slices are copied. Errors
// are of [store.KindInvalid]: an id twice, a disk without a node or without
// capacity, a node without a zone, disk 0.
func NewTopology(nodes []Node, disks []Disk) (*Topology, error) {
	t := &Topology{
		nodes: slices.SortedFunc(slices.Values(nodes), func(a, b Node) int { return cmp.Compare(a.ID, b.ID) }),
		disks: slices.SortedFunc(slices.Values(disks), func(a, b Disk) int { return cmp.Compare(a.ID, b.ID) }),
	}
	if err := t.indexNodes(); err != nil {
		return nil, err
	}
	return t, t.indexDisks()
}

func (t *Topology) indexNodes() error {
	t.nodeAt = make(map[NodeID]int32, len(t.nodes))
	for i, n := range t.nodes {
		if n.Zone == "" {
			return invalidTopology("node %d has no zone", n.ID)
		}
		if _, dup := t.nodeAt[n.ID]; dup {
			return invalidTopology("node %d is there twice", n.ID)
		}
		t.nodeAt[n.ID] = int32(i)
		t.zones = append(t.zones, n.Zone)
	}
	slices.Sort(t.zones)
	t.zones = slices.Compact(t.zones)
	t.zoneOf = make([]int32, len(t.nodes))
	for i, n := range t.nodes {
		z, _ := slices.BinarySearch(t.zones, n.Zone)
		t.zoneOf[i] = int32(z)
	}
	return nil
}

func (t *Topology) indexDisks() error {
	t.diskAt = make(map[DiskID]int32, len(t.disks))
	t.nodeOf = make([]int32, len(t.disks))
	for i, d := range t.disks {
		n, ok := t.nodeAt[d.Node]
		_, dup := t.diskAt[d.ID]
		switch {
		case d.ID == 0:
			return invalidTopology("disk 0 means no disk")
		case dup:
			return invalidTopology("disk %d is there twice", d.ID)
		case !ok:
			return invalidTopology("disk %d is on node %d, which does not exist", d.ID, d.Node)
		case d.Capacity <= 0:
			return invalidTopology("disk %d has a capacity of %d bytes", d.ID, d.Capacity)
		}
		t.diskAt[d.ID], t.nodeOf[i] = int32(i), n
	}
	return nil
}

func invalidTopology(format string, args ...any) error {
	return &store.Error{Op: "read topology", Kind: store.KindInvalid, Err: fmt.Errorf(format, args...)}
}

// Nodes returns the nodes by id. The slice must not be changed.
func (t *Topology) Nodes() []Node { return t.nodes }

// Disks returns the disks by id. The slice must not be changed.
func (t *Topology) Disks() []Disk { return t.disks }

// Zones returns the names of the zones in order. The slice must not be changed.
func (t *Topology) Zones() []string { return t.zones }

// Disk returns the disk with the given id.
func (t *Topology) Disk(id DiskID) (Disk, bool) {
	i, ok := t.diskAt[id]
	if !ok {
		return Disk{}, false
	}
	return t.disks[i], true
}

// Node returns the node with the given id.
func (t *Topology) Node(id NodeID) (Node, bool) {
	i, ok := t.nodeAt[id]
	if !ok {
		return Node{}, false
	}
	return t.nodes[i], true
}

// NodeOf returns the node that has the disk.
func (t *Topology) NodeOf(id DiskID) (Node, bool) {
	i, ok := t.diskAt[id]
	if !ok {
		return Node{}, false
	}
	return t.nodes[t.nodeOf[i]], true
}

// Edit returns a topology in which change was called on a copy of every disk
// and node. It is how a plan or a what-if describes the topology it asks about.
func (t *Topology) Edit(change func(n *Node, d *Disk)) (*Topology, error) {
	nodes, disks := slices.Clone(t.nodes), slices.Clone(t.disks)
	for i := range disks {
		change(&nodes[t.nodeOf[i]], &disks[i])
	}
	return NewTopology(nodes, disks)
}

// Avoiding returns a topology in which the disks that f reports take no new
// shards, though what they have stays and counts: those that do not answer at
// the moment.
func (t *Topology) Avoiding(f func(DiskID) bool) *Topology {
	next := *t
	next.avoid = make([]bool, len(t.disks))
	for i, d := range t.disks {
		next.avoid[i] = f(d.ID)
	}
	return &next
}

// unavoided returns the topology without what [Topology.Avoiding] added.
func (t *Topology) unavoided() *Topology {
	next := *t
	next.avoid = nil
	return &next
}

// Counted reports whether shards on the disk count: it exists and is neither
// out nor retired.
func (t *Topology) Counted(id DiskID) bool {
	i, ok := t.diskAt[id]
	return ok && t.disks[i].Admin.Counted()
}

// domain returns the number of the disk's failure domain at a level.
func (t *Topology) domain(id DiskID, level Level) (int32, bool) {
	d, ok := t.diskAt[id]
	if !ok {
		return 0, false
	}
	switch level {
	case LevelZone:
		return t.zoneOf[t.nodeOf[d]], true
	case LevelNode:
		return t.nodeOf[d], true
	}
	return d, true
}

// weight is the disk's claim on shards, zero if it takes none.
func (t *Topology) weight(disk int32) float64 {
	d, n := t.disks[disk], t.nodes[t.nodeOf[disk]]
	switch {
	case d.Admin != DiskIn || t.avoid != nil && t.avoid[disk]:
		return 0
	case n.Weight == 0:
		return float64(d.Capacity)
	}
	return float64(d.Capacity) * float64(n.Weight) / 100
}
