package root

import (
	"bytes"
	"cmp"
	"maps"
	"slices"
	"time"

	"cairn/node/raftgroup"
	"cairn/placement"
	pb "cairn/proto"
	"cairn/store"
)

// Cluster returns the cluster's row; its id is empty before there is one.
func (v *View) Cluster() *pb.ClusterRow {
	v.mu.RLock()
	defer v.mu.RUnlock()
	return v.cluster
}

// Node returns a node's row, or nil.
func (v *View) Node(id placement.NodeID) *pb.NodeRow {
	v.mu.RLock()
	defer v.mu.RUnlock()
	return v.nodes[id]
}

// NodeNamed returns the row of the node with a name, or nil.
func (v *View) NodeNamed(name string) *pb.NodeRow {
	for _, n := range v.Nodes() {
		if n.Name == name {
			return n
		}
	}
	return nil
}

// Nodes returns all nodes by id.
func (v *View) Nodes() []*pb.NodeRow {
	v.mu.RLock()
	defer v.mu.RUnlock()
	return slices.SortedFunc(maps.Values(v.nodes), func(a, b *pb.NodeRow) int { return cmp.Compare(a.Id, b.Id) })
}

// Disk returns a disk's row, or nil.
func (v *View) Disk(id placement.DiskID) *pb.DiskRow {
	v.mu.RLock()
	defer v.mu.RUnlock()
	return v.disks[id]
}

// Disks returns all disks by id.
func (v *View) Disks() []*pb.DiskRow {
	v.mu.RLock()
	defer v.mu.RUnlock()
	return slices.SortedFunc(maps.Values(v.disks), func(a, b *pb.DiskRow) int { return cmp.Compare(a.Id, b.Id) })
}

// PG returns a placement group, or nil. It must not be changed.
func (v *View) PG(id placement.PGID) *placement.PG {
	v.mu.RLock()
	defer v.mu.RUnlock()
	return v.pgs[id]
}

// PGs returns all placement groups by id. They must not be changed.
func (v *View) PGs() []*placement.PG {
	v.mu.RLock()
	defer v.mu.RUnlock()
	return slices.SortedFunc(maps.Values(v.pgs), func(a, b *placement.PG) int { return cmp.Compare(a.ID, b.ID) })
}

// Policy returns a policy, or nil. It must not be changed.
func (v *View) Policy(id placement.PolicyID) *placement.Policy {
	v.mu.RLock()
	defer v.mu.RUnlock()
	return v.policies[id]
}

// Policies returns all policies by id.
func (v *View) Policies() []placement.Policy {
	v.mu.RLock()
	defer v.mu.RUnlock()
	out := make([]placement.Policy, 0, len(v.policies))
	for _, p := range v.policies {
		out = append(out, *p)
	}
	slices.SortFunc(out, func(a, b placement.Policy) int { return cmp.Compare(a.ID, b.ID) })
	return out
}

// PlacementEpoch grows when disks, policies or placement groups change: what is
// derived from them is kept until then.
func (v *View) PlacementEpoch() uint64 {
	v.mu.RLock()
	defer v.mu.RUnlock()
	return v.pgEpoch
}

// Topology returns the nodes and disks as the placement rules see them.
func (v *View) Topology() (*placement.Topology, error) {
	var nodes []placement.Node
	for _, n := range v.Nodes() {
		nodes = append(nodes, placement.Node{ID: placement.NodeID(n.Id), Name: n.Name, Zone: n.Zone})
	}
	var disks []placement.Disk
	for _, d := range v.Disks() {
		disks = append(disks, placement.Disk{
			ID: placement.DiskID(d.Id), Node: placement.NodeID(d.Node), Capacity: int64(d.Bytes),
			Class: placement.DiskClass(d.Class), Admin: placement.AdminState(d.Admin),
		})
	}
	return placement.NewTopology(nodes, disks)
}

// Groups returns all Raft groups by id, the root's own (0) first.
func (v *View) Groups() []*pb.GroupRow {
	v.mu.RLock()
	defer v.mu.RUnlock()
	return slices.SortedFunc(maps.Values(v.groups), func(a, b *pb.GroupRow) int { return cmp.Compare(a.Id, b.Id) })
}

// GroupNodes returns the nodes that vote in a group.
func (v *View) GroupNodes(id uint32) []placement.NodeID {
	v.mu.RLock()
	defer v.mu.RUnlock()
	var out []placement.NodeID
	for _, m := range v.groups[id].GetMembers() {
		out = append(out, placement.NodeID(m.Node))
	}
	return out
}

// joinProof is how long a node that lost its directory must follow a group before
// it votes in it again.
const joinProof = 2 * time.Second

// GroupMembers returns the voters that a group should have: the nodes of its
// row, each in its present incarnation. The incarnations that the row was made
// for are the group's first members: it does not bear the loss of any until all
// of them vote, so they need not prove themselves.
func (v *View) GroupMembers(id uint32) []raftgroup.Wanted {
	v.mu.RLock()
	defer v.mu.RUnlock()
	var out []raftgroup.Wanted
	for _, m := range v.groups[id].GetMembers() {
		n := v.nodes[placement.NodeID(m.Node)]
		if n == nil || len(n.Incarnation) != len(raftgroup.Incarnation{}) {
			continue
		}
		w := raftgroup.Wanted{Member: raftgroup.Member{
			Node: placement.NodeID(m.Node), Incarnation: raftgroup.Incarnation(n.Incarnation), Voter: true,
		}}
		if !bytes.Equal(n.Incarnation, m.Incarnation) {
			w.Proof = joinProof
		}
		out = append(out, w)
	}
	return out
}

// RangeOf returns the range that holds a key.
func (v *View) RangeOf(ns store.NS, key []byte) (*pb.RangeRow, bool) {
	v.mu.RLock()
	defer v.mu.RUnlock()
	list := v.ranges[ns]
	i, exact := slices.BinarySearchFunc(list, key, func(r *pb.RangeRow, k []byte) int { return bytes.Compare(r.Start, k) })
	if !exact {
		i--
	}
	if i < 0 || (len(list[i].End) > 0 && bytes.Compare(key, list[i].End) >= 0) {
		return nil, false
	}
	return list[i], true
}

// Name returns an entry of the registry.
func (v *View) Name(kind store.NameKind, name string) (store.Name, bool) {
	v.mu.RLock()
	defer v.mu.RUnlock()
	r := v.names[kind][name]
	if r == nil {
		return store.Name{}, false
	}
	return nameOf(r), true
}

// NameCount returns how many entries of a kind there are.
func (v *View) NameCount(kind store.NameKind) int {
	v.mu.RLock()
	defer v.mu.RUnlock()
	return len(v.names[kind])
}

// MovedSlots returns the slots of a blob's placement group that may have changed
// hands since generation gen. A row does not say which slots its last changes
// were about, so it is all of them once there was any; most turn out to be there
// when they are looked for.
func (v *View) MovedSlots(blob store.BlobID, gen uint32) uint16 {
	pg := v.PG(placement.PGID(blob.PG()))
	if pg == nil || pg.Gen <= gen {
		return 0
	}
	return uint16(1<<len(pg.Holders) - 1)
}
