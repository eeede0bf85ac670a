package root

import (
	"bytes"
	"encoding/binary"
	"slices"
	"sync"

	"cairn/placement"
	pb "cairn/proto"
	"cairn/store"
)

// View is a copy of the root's rows in memory. Every node has one: root
// replicas fill it from their log, the others from a replica by [Client]. It
// lags behind the root by milliseconds, or, while the root has no leader,
// stands still: all that data paths need goes on from the last copy.
//
// Rows that a View returns are shared and must not be changed.
type View struct {
	mu      sync.RWMutex
	epoch   uint64
	changed chan struct{} // closed when epoch grows

	cluster  *pb.ClusterRow
	nodes    map[placement.NodeID]*pb.NodeRow
	disks    map[placement.DiskID]*pb.DiskRow
	policies map[placement.PolicyID]*placement.Policy
	pgs      map[placement.PGID]*placement.PG
	groups   map[uint32]*pb.GroupRow
	ranges   map[store.NS][]*pb.RangeRow // ordered by start
	names    map[store.NameKind]map[string]*pb.NameRow
	pgEpoch  uint64 // epoch of the last change of policies, groups or disks
}

// NewView returns a view without rows, at epoch 0.
func NewView() *View {
	v := &View{changed: make(chan struct{})}
	v.resetLocked()
	return v
}

func (v *View) resetLocked() {
	v.cluster = &pb.ClusterRow{}
	v.nodes = map[placement.NodeID]*pb.NodeRow{}
	v.disks = map[placement.DiskID]*pb.DiskRow{}
	v.policies = map[placement.PolicyID]*placement.Policy{}
	v.pgs = map[placement.PGID]*placement.PG{}
	v.groups = map[uint32]*pb.GroupRow{}
	v.ranges = map[store.NS][]*pb.RangeRow{}
	v.names = map[store.NameKind]map[string]*pb.NameRow{}
}

// Update applies rows and moves to epoch; full means that they are all there
// are. An older epoch changes nothing.
func (v *View) Update(rows []*pb.Row, epoch uint64, full bool) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	if epoch <= v.epoch && !full {
		return nil
	}
	if full {
		v.resetLocked()
	}
	for _, r := range rows {
		if err := v.setLocked(r); err != nil {
			return err
		}
	}
	v.epoch = epoch
	close(v.changed)
	v.changed = make(chan struct{})
	return nil
}

// setLocked takes over one row.
func (v *View) setLocked(r *pb.Row) error {
	if len(r.Key) == 0 {
		return store.Errorf(store.KindCorrupt, "update map", "empty key")
	}
	k := r.Key[1:]
	switch r.Key[0] {
	case colCluster:
		row := &pb.ClusterRow{}
		v.cluster = row
		return decodeRow(r.Value, row)
	case colNode:
		return setRow(v.nodes, placement.NodeID(be32(k)), r, &pb.NodeRow{})
	case colDisk:
		v.pgEpoch++
		return setRow(v.disks, placement.DiskID(be32(k)), r, &pb.DiskRow{})
	case colGroup:
		return setRow(v.groups, be32(k), r, &pb.GroupRow{})
	case colPolicy:
		v.pgEpoch++
		return setDecoded(v.policies, placement.PolicyID(be32(append([]byte{0, 0}, k...))), r, placement.DecodePolicy)
	case colPG:
		v.pgEpoch++
		return setDecoded(v.pgs, placement.PGID(be32(k)), r, placement.DecodePG)
	case colRange:
		return v.setRangeLocked(r)
	case colName:
		return v.setNameLocked(r)
	}
	return nil // counters and the epoch are the root's own
}

func be32(b []byte) uint32 {
	if len(b) != 4 {
		return 0
	}
	return binary.BigEndian.Uint32(b)
}

func (v *View) setRangeLocked(r *pb.Row) error {
	if len(r.Key) < 9 {
		return store.Errorf(store.KindCorrupt, "update map", "range key of %d bytes", len(r.Key))
	}
	ns, start := store.NS(binary.BigEndian.Uint64(r.Key[1:])), r.Key[9:]
	list := slices.DeleteFunc(slices.Clone(v.ranges[ns]), func(x *pb.RangeRow) bool { return bytes.Equal(x.Start, start) })
	if !r.Deleted {
		row := &pb.RangeRow{}
		if err := decodeRow(r.Value, row); err != nil {
			return err
		}
		list = append(list, row)
		slices.SortFunc(list, func(a, b *pb.RangeRow) int { return bytes.Compare(a.Start, b.Start) })
	}
	if len(list) == 0 {
		delete(v.ranges, ns)
		return nil
	}
	v.ranges[ns] = list
	return nil
}

func (v *View) setNameLocked(r *pb.Row) error {
	if len(r.Key) < 3 {
		return store.Errorf(store.KindCorrupt, "update map", "name key of %d bytes", len(r.Key))
	}
	kind := store.NameKind(r.Key[1])
	if v.names[kind] == nil {
		v.names[kind] = map[string]*pb.NameRow{}
	}
	return setRow(v.names[kind], string(r.Key[2:]), r, &pb.NameRow{})
}

// Epoch returns the epoch of the rows, and a channel that is closed when it
// grows.
func (v *View) Epoch() (uint64, <-chan struct{}) {
	v.mu.RLock()
	defer v.mu.RUnlock()
	return v.epoch, v.changed
}
