package health

import (
	"context"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"
	"google.golang.org/protobuf/proto"

	"cairn/node/data/disk"
	"cairn/node/fabric"
	"cairn/node/fill"
	"cairn/node/raftgroup"
	"cairn/node/root"
	"cairn/node/worker"
	"cairn/placement"
	pb "cairn/proto"
	"cairn/store"
)

// MethodReport asks a node for its account of itself.
const MethodReport fabric.Method = 0x0601

// Source is where a node's report comes from. Its functions may be called from
// any goroutine; Owed and Fills may return nil.
type Source struct {
	Node    placement.NodeID
	Build   string
	Started time.Time
	Host    *raftgroup.Host
	Groups  func() []*raftgroup.Group // all replicas of the node
	Disks   func() []*disk.Disk
	Owed    func() map[raftgroup.GroupID]worker.GroupStats
	Fills   func() []fill.Progress
	View    *root.View
}

// Serve registers the call that reports s.
func Serve(f fabric.Fabric, s Source) {
	f.Handle(MethodReport, func(ctx context.Context, _ fabric.Peer, _ *fabric.Message) (*fabric.Message, error) {
		head, err := proto.Marshal(s.Report(ctx))
		return &fabric.Message{Head: head}, err
	})
}

// Report describes the node as it is now.
func (s *Source) Report(ctx context.Context) *pb.ReportReply {
	r := &pb.ReportReply{
		Node: uint32(s.Node), Build: s.Build, StartedMs: s.Started.UnixMilli(),
		Host: hostReport(), Process: processReport(), MetaFull: s.Host.Full(),
	}
	r.Process.LogFsyncs, r.Process.LogWritten = s.Host.LogWrites()
	owed := s.Owed()
	for _, g := range s.Groups() {
		r.Replicas = append(r.Replicas, replicaReport(g, owed))
	}
	for _, d := range s.Disks() {
		if st, err := d.Stats(); err == nil { // a disk that cannot tell shows by its heartbeat
			r.Disks = append(r.Disks, &pb.DiskReport{
				Disk: uint32(d.Identity().Disk), Shards: uint64(st.Shards), Bad: uint64(st.Bad),
				Fsyncs: uint64(st.Fsyncs), Written: uint64(st.BytesWritten), Read: uint64(st.BytesRead),
			})
		}
	}
	for _, p := range s.Fills() {
		r.Fills = append(r.Fills, &pb.FillReport{
			Pg: uint32(p.PG), Slot: uint32(p.Slot), Disk: uint32(p.Disk), Blobs: uint64(p.Blobs), Copied: uint64(p.Copied),
			Bytes: uint64(p.Bytes), Waits: p.Waits, StartedMs: p.Started.UnixMilli(),
		})
	}
	r.UsedPgs = s.usedPGs(ctx)
	r.ClockMs = time.Now().UnixMilli() // last, so that it is as new as the answer
	return r
}

// usedPGs returns the placement groups that the disks have shards of, by one look
// into the index for each that the map gives them.
func (s *Source) usedPGs(ctx context.Context) (used []uint32) {
	for _, pg := range s.View.PGs() {
		for _, d := range s.Disks() {
			if !pg.Has(d.Identity().Disk) {
				continue
			}
			if list, _, err := d.List(ctx, uint32(pg.ID), store.BlobID{}, 1, false); err == nil && len(list) > 0 {
				used = append(used, uint32(pg.ID))
				break
			}
		}
	}
	return used
}

func replicaReport(g *raftgroup.Group, owed map[raftgroup.GroupID]worker.GroupStats) *pb.ReplicaReport {
	st := g.Stats()
	r := &pb.ReplicaReport{
		Group: uint32(g.ID()), Leads: g.IsLeader(), Term: st.Term, Commit: st.Commit, Applied: st.Applied, Muted: st.Muted,
	}
	if st.Halted != nil {
		r.Halted = st.Halted.Error()
	}
	if o, ok := owed[g.ID()]; ok && r.Leads {
		r.Owed = owedReport(o)
	}
	return r
}

func owedReport(o worker.GroupStats) *pb.OwedReport {
	r := &pb.OwedReport{
		DebtsByLeft: map[uint32]uint64{}, OverdueDeletes: uint64(o.Deletions), WaitingDeletes: uint64(o.Waiting),
		DeleteBytes: o.WaitingBytes, Why: o.Why, OldestDebtMs: int64(o.OldestDebt),
	}
	for left, n := range o.DebtsByLeft {
		r.DebtsByLeft[uint32(max(left, 0))] += uint64(n)
	}
	return r
}

// processReport asks the kernel what this process has used.
func processReport() *pb.ProcessReport {
	p := &pb.ProcessReport{Pid: uint32(os.Getpid()), Calls: fabric.Calls()}
	var ru unix.Rusage
	if unix.Getrusage(unix.RUSAGE_SELF, &ru) == nil {
		p.CpuUs = uint64(ru.Utime.Nano()+ru.Stime.Nano()) / 1000
	}
	if f := strings.Fields(readFile("/proc/self/statm")); len(f) > 1 {
		pages, _ := strconv.ParseUint(f[1], 10, 64)
		p.Rss = pages * uint64(os.Getpagesize())
	}
	return p
}

// hostReport reads the settings that matter. What cannot be read stays empty and
// is not judged.
func hostReport() *pb.HostReport {
	h := &pb.HostReport{Cpus: hostFixed().cpus, Memory: hostFixed().memory, Host: hostFixed().name, Boot: hostFixed().boot}
	var lim unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_NOFILE, &lim) == nil {
		h.OpenFiles = lim.Cur
	}
	if _, rest, ok := strings.Cut(readFile("/sys/kernel/mm/transparent_hugepage/enabled"), "["); ok {
		h.HugePages, _, _ = strings.Cut(rest, "]")
	}
	return h
}

type hostConst struct {
	name, boot string
	cpus       uint32
	memory     uint64
}

// hostFixed is what does not change while the process runs.
var hostFixed = sync.OnceValue(func() (h hostConst) {
	h.name, _ = os.Hostname()
	h.boot = strings.TrimSpace(readFile("/proc/sys/kernel/random/boot_id"))
	h.cpus = uint32(cpus())
	var si unix.Sysinfo_t
	if unix.Sysinfo(&si) == nil {
		h.memory = si.Totalram * uint64(si.Unit)
	}
	return h
})

// cpus is how many this process may run on.
func cpus() int {
	var set unix.CPUSet
	if unix.SchedGetaffinity(0, &set) != nil {
		return 0
	}
	return set.Count()
}

func readFile(path string) string {
	b, _ := os.ReadFile(path) // absent is empty
	return string(b)
}
