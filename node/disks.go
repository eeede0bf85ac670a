package node

import (
	"crypto/rand"
	"errors"

	"cairn/node/data"
	"cairn/node/data/disk"
	"cairn/placement"
	pb "cairn/proto"
	"cairn/store"
)

// openDisks opens the node's disks, formatting those that are empty. A disk
// that does not open, because it failed or is not mounted, is left out and
// reported: the others serve.
func (n *Node) openDisks() error {
	n.data = data.NewServer(n.fabric, n.log)
	n.onClose(func() error { return n.data.Close(!n.killed.Load()) })
	for _, c := range n.cfg.Disks {
		d, err := openDisk(c.Path, c.Bytes)
		if err != nil {
			if store.Is(err, store.KindUnknownFormat) || store.Is(err, store.KindConflict) {
				return err
			}
			n.log.Error("a disk is left out", "disk", c.Path, "err", err)
			continue
		}
		if st, err := d.Stats(); err == nil && st.Rebuilt {
			n.log.Warn("the index of a disk was damaged and made anew from its segments", "disk", c.Path, "shards", st.Shards)
		}
		n.data.Add(d, c.Path, diskClass(c.Class))
	}
	return nil
}

func openDisk(path string, bytes int64) (*disk.Disk, error) {
	opts := disk.Options{Capacity: bytes}
	d, err := disk.Open(path, opts)
	if !store.Is(err, store.KindNotFound) {
		return d, err
	}
	var id disk.Identity
	if _, err := rand.Read(id.UUID[:]); err != nil {
		return nil, err
	}
	if err := disk.Format(path, id); err != nil {
		return nil, err
	}
	return disk.Open(path, opts)
}

func diskClass(s string) placement.DiskClass {
	if s == "hdd" {
		return placement.DiskHDD
	}
	return placement.DiskSSD
}

// adoptDisks tells the disks the numbers that the root gave them. A disk of
// another cluster is refused.
func (n *Node) adoptDisks(r *pb.RegisterReply) error {
	var errs []error
	for i, d := range n.data.Disks() {
		if i < len(r.Disks) {
			errs = append(errs, n.data.Adopt(d, [16]byte(r.ClusterId), placement.DiskID(r.Disks[i])))
		}
	}
	return errors.Join(errs...)
}

// heartbeat describes the node, once it is registered.
func (n *Node) heartbeat() *pb.HeartbeatRequest {
	select {
	case <-n.registered:
	default:
		return nil
	}
	r := &pb.HeartbeatRequest{Node: uint32(n.id.Node), Incarnation: n.id.Incarnation[:], Disks: n.data.Beats()}
	if used := n.fallbacks.Load(); used != nil {
		r.UsedFallbacks = *used
	}
	if n.isReady() {
		if began, ok := n.blobs.OldestRead(); ok {
			r.OldestReadMs = began.UnixMilli()
		}
	}
	return r
}

func nodeID(r *pb.NodeRow) placement.NodeID         { return placement.NodeID(r.Id) }
func memberNode(m *pb.GroupMember) placement.NodeID { return placement.NodeID(m.Node) }
