package data

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"cairn/node/data/disk"
	"cairn/node/fabric"
	"cairn/placement"
	pb "cairn/proto"
	"cairn/store"
)

// Methods of the data service.
const (
	MethodWrite    fabric.Method = 0x0401
	MethodRead     fabric.Method = 0x0402
	MethodDescribe fabric.Method = 0x0403
	MethodDelete   fabric.Method = 0x0404
	MethodFence    fabric.Method = 0x0405
	MethodList     fabric.Method = 0x0406
	MethodDigest   fabric.Method = 0x0407
)

// Health is what a node says of one of its disks. Numbers go over the wire.
type Health uint8

// The states.
const (
	Healthy Health = 0
	Full    Health = 1 // at its reserve: reads and deletes only
	Failed  Health = 2 // a write or sync failed: reads only, for good
)

// String returns the health in a word.
func (h Health) String() string { return [...]string{"healthy", "full", "failed"}[min(h, Failed)] }

// ReasonNoDisk marks the error of a node that answers and does not have the disk.
const ReasonNoDisk = "no-disk"

// maintainEvery is how often a disk expires tombstones and looks for segments
// to compact.
const maintainEvery = 30 * time.Second

// Server serves the disks of a node.
type Server struct {
	log *slog.Logger

	mu    sync.RWMutex
	disks []*member

	cancel context.CancelFunc
	life   context.Context
	done   sync.WaitGroup
}

// member is a disk and what the node knows of it.
type member struct {
	*disk.Disk
	path  string
	class placement.DiskClass
	id    placement.DiskID // 0 until the root has given it a number
}

// NewServer registers the calls. Disks are added one by one.
func NewServer(f fabric.Fabric, log *slog.Logger) *Server {
	life, cancel := context.WithCancel(context.Background())
	s := &Server{log: log, life: life, cancel: cancel}
	f.Handle(MethodWrite, s.write)
	f.Handle(MethodRead, s.read)
	f.Handle(MethodDescribe, s.describe)
	f.Handle(MethodDelete, s.remove)
	f.Handle(MethodFence, s.fence)
	f.Handle(MethodList, s.list)
	f.Handle(MethodDigest, s.digest)
	return s
}

// Add takes over an open disk and begins to maintain it. A disk that has its
// number from an earlier start is served at once.
func (s *Server) Add(d *disk.Disk, path string, class placement.DiskClass) {
	s.mu.Lock()
	s.disks = append(s.disks, &member{Disk: d, path: path, class: class, id: d.Identity().Disk})
	s.mu.Unlock()
	s.done.Go(func() { s.maintain(d, path) })
}

func (s *Server) maintain(d *disk.Disk, path string) {
	tick := time.NewTicker(maintainEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			if err := d.Maintain(s.life); err != nil && s.life.Err() == nil {
				s.log.Warn("disk maintenance", "disk", path, "err", err)
			}
		case <-s.life.Done():
			return
		}
	}
}

// Adopt tells a disk its number and cluster, durably. A disk that belongs to
// another cluster is refused.
func (s *Server) Adopt(d *disk.Disk, cluster [16]byte, id placement.DiskID) error {
	if err := d.Adopt(cluster, id); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, m := range s.disks {
		if m.Disk == d {
			m.id = id
		}
	}
	return nil
}

// Disks returns the open disks in the order they were added.
func (s *Server) Disks() []*disk.Disk {
	s.mu.RLock()
	defer s.mu.RUnlock()
	out := make([]*disk.Disk, len(s.disks))
	for i, m := range s.disks {
		out[i] = m.Disk
	}
	return out
}

// ByID returns the disks that have a number.
func (s *Server) ByID() map[placement.DiskID]*disk.Disk {
	s.mu.RLock()
	defer s.mu.RUnlock()
	out := make(map[placement.DiskID]*disk.Disk, len(s.disks))
	for _, m := range s.disks {
		if m.id != 0 {
			out[m.id] = m.Disk
		}
	}
	return out
}

// Rows describes the disks for the root, in the order of Disks.
func (s *Server) Rows() []*pb.DiskRow {
	s.mu.RLock()
	defer s.mu.RUnlock()
	var out []*pb.DiskRow
	for _, m := range s.disks {
		id := m.Identity()
		row := &pb.DiskRow{Uuid: id.UUID[:], Class: uint32(m.class)}
		if st, err := m.Stats(); err == nil {
			row.Bytes = uint64(st.Capacity)
		}
		out = append(out, row)
	}
	return out
}

// Beats describes the disks for a heartbeat.
func (s *Server) Beats() []*pb.DiskBeat {
	var out []*pb.DiskBeat
	for id, d := range s.ByID() {
		out = append(out, beat(id, d))
	}
	slices.SortFunc(out, func(a, b *pb.DiskBeat) int { return cmp.Compare(a.Disk, b.Disk) })
	return out
}

func beat(id placement.DiskID, d *disk.Disk) *pb.DiskBeat {
	b := &pb.DiskBeat{Disk: uint32(id)}
	st, err := d.Stats()
	if err == nil {
		b.Used, b.Free = uint64(st.Used), uint64(max(st.Free, 0))
		if st.Full() {
			b.Health, b.Why = uint32(Full), "the disk is at its reserve"
		}
	}
	if ferr := errors.Join(d.Failed(), err); ferr != nil {
		b.Health, b.Why = uint32(Failed), ferr.Error()
	}
	return b
}

// Close stops maintenance and closes all disks; with flush false, as a killed
// process leaves them.
func (s *Server) Close(flush bool) error {
	s.cancel()
	s.done.Wait()
	var errs []error
	for _, d := range s.Disks() {
		if flush {
			errs = append(errs, d.Close())
		} else {
			errs = append(errs, d.Abandon())
		}
	}
	return errors.Join(errs...)
}

// disk finds a disk by its number.
func (s *Server) disk(id uint32) (*disk.Disk, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	for _, m := range s.disks {
		if id != 0 && m.id == placement.DiskID(id) {
			return m.Disk, nil
		}
	}
	return nil, &store.Error{
		Op: "use disk", Kind: store.KindUnavailable, Reason: ReasonNoDisk, Resource: fmt.Sprintf("disk %d", id),
		Err: errors.New("it is not open on this node"), Hint: "see `cairn status` for where it is and why it is not open",
	}
}
