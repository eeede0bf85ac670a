package cli

import (
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/datadriven"
	"github.com/stretchr/testify/require"

	"cairn/node/data"
	"cairn/node/health"
	"cairn/node/root"
	"cairn/placement"
	pb "cairn/proto"
)

// TestStatusTranscripts shows what people see in each situation. A file under
// testdata/status is a story of one cluster of three zones of two nodes; its
// commands are
//
//	down NODE…      silent for 30 s, and not answering
//	up NODE…
//	full NODE…      their disks are at the reserve
//	failed NODE…    their disks have failed
//	out NODE…       their disks were given up
//	skew NODE MS    its clock is off
//	root-silent     the root's leader has not been heard for 20 s
//	debt LEFT N     N blobs can lose LEFT more shards
//	status, doctor  what is printed
func TestStatusTranscripts(t *testing.T) {
	datadriven.Walk(t, filepath.Join("testdata", "status"), func(t *testing.T, path string) {
		f := newStory(t)
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			switch d.Cmd {
			case "status":
				return renderStatus(health.Compute(f.Facts), false)
			case "doctor":
				return renderDoctor(health.Doctor(f.Facts), false)
			}
			var args []string
			for _, a := range d.CmdArgs {
				args = append(args, a.Key)
			}
			f.tell(t, d.Cmd, args)
			return ""
		})
	})
}

// story is the facts of a cluster, as a test changes them.
type story struct{ *health.Facts }

var storyTime = time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)

func newStory(t *testing.T) *story {
	f := &story{&health.Facts{
		Now: storyTime, Asked: 1, Epoch: 7, Cluster: &pb.ClusterRow{ClusterId: make([]byte, 16), Formed: true, ExpectNodes: 6},
		Names:    map[string]int{"buckets": 2, "users": 1},
		Liveness: map[placement.NodeID]health.NodeLive{}, Beats: map[placement.DiskID]*pb.DiskBeat{},
		Reports: map[placement.NodeID]*health.Report{},
	}}
	for i := range 6 {
		f.addNode(uint32(i+1), fmt.Sprintf("%c%d", 'a'+i/2, i%2+1))
	}
	f.place(t)
	for g := range uint32(4) {
		row := &pb.GroupRow{Id: g}
		for _, n := range [][]uint32{{1, 2, 3, 4, 5}, {1, 3, 5}, {2, 4, 6}, {1, 3, 5}}[g] {
			row.Members = append(row.Members, &pb.GroupMember{Node: n})
			rep := f.Reports[placement.NodeID(n)]
			rep.Replicas = append(rep.Replicas, &pb.ReplicaReport{
				Group: g, Leads: n == row.Members[0].Node, Term: 3, Applied: 100, Owed: &pb.OwedReport{DebtsByLeft: map[uint32]uint64{}},
			})
		}
		f.Groups = append(f.Groups, row)
	}
	return f
}

func (f *story) addNode(id uint32, name string) {
	f.Nodes = append(f.Nodes, &pb.NodeRow{Id: id, Name: name, Zone: name[:1], Build: "v1", Addr: name + ":7400"})
	f.Disks = append(f.Disks, &pb.DiskRow{Id: id, Node: id, Bytes: 100 << 30, Class: uint32(placement.DiskSSD), ChangedMs: storyTime.Add(-72 * time.Hour).UnixMilli()})
	f.Beats[placement.DiskID(id)] = &pb.DiskBeat{Disk: id, Used: 40 << 30, Free: 60 << 30}
	f.Liveness[placement.NodeID(id)] = health.NodeLive{State: root.Up, Since: storyTime.Add(-3 * time.Hour)}
	f.Reports[placement.NodeID(id)] = &health.Report{ReportReply: &pb.ReportReply{
		Node: id, Build: "v1", Host: &pb.HostReport{Host: name, OpenFiles: 1 << 20, HugePages: "madvise"},
		Process: &pb.ProcessReport{}, Disks: []*pb.DiskReport{{Disk: id, Shards: 1000}},
	}}
}

// place makes the rows that a cluster of this shape gets.
func (f *story) place(t *testing.T) {
	var nodes []placement.Node
	var disks []placement.Disk
	for i, n := range f.Nodes {
		nodes = append(nodes, placement.Node{ID: placement.NodeID(n.Id), Zone: n.Zone})
		disks = append(disks, placement.Disk{ID: placement.DiskID(f.Disks[i].Id), Node: placement.NodeID(n.Id), Capacity: int64(f.Disks[i].Bytes)})
	}
	topo, err := placement.NewTopology(nodes, disks)
	require.NoError(t, err)
	f.Policies, err = placement.ChoosePolicies(topo)
	require.NoError(t, err)
	counts := map[placement.PolicyID]int{}
	for _, p := range f.Policies {
		counts[p.ID] = 16
	}
	f.PGs, err = placement.Build(topo, f.Policies, counts, 1)
	require.NoError(t, err)
}

func (f *story) tell(t *testing.T, cmd string, args []string) {
	switch cmd {
	case "root-silent":
		f.LiveAge = 20 * time.Second
		return
	case "debt":
		left, n := number(t, args[0]), number(t, args[1])
		f.Reports[1].Replicas[1].Owed.DebtsByLeft[uint32(left)] = uint64(n)
		return
	case "skew":
		f.Reports[f.id(t, args[0])].Skew = time.Duration(number(t, args[1])) * time.Millisecond
		return
	}
	for _, name := range args {
		id := f.id(t, name)
		disk, beat := f.Disks[id-1], f.Beats[placement.DiskID(id)]
		switch cmd {
		case "down":
			f.Liveness[id] = health.NodeLive{State: root.Down, Since: storyTime.Add(-30 * time.Second)}
			f.Reports[id].Err = fmt.Errorf("connection refused")
			f.elect(id)
		case "up":
			f.Liveness[id] = health.NodeLive{State: root.Up, Since: storyTime.Add(-5 * time.Second)}
			f.Reports[id].Err = nil
		case "full":
			beat.Health, beat.Free, beat.Used = uint32(data.Full), 4<<30, 96<<30
		case "failed":
			beat.Health, beat.Why = uint32(data.Failed), "write shard: input/output error"
		case "out":
			disk.Admin, disk.Reason = uint32(placement.DiskOut), "its node was silent too long"
			disk.ChangedMs = storyTime.Add(-time.Minute).UnixMilli()
		default:
			require.Fail(t, "unknown command", cmd)
		}
	}
}

// elect gives what a silent node led to the next member that answers.
func (f *story) elect(gone placement.NodeID) {
	for _, g := range f.Groups {
		led := false
		for _, m := range g.Members {
			for _, r := range f.Reports[placement.NodeID(m.Node)].Replicas {
				switch {
				case r.Group != g.Id:
				case m.Node == uint32(gone):
					led, r.Leads = r.Leads, false
				case led && f.Reports[placement.NodeID(m.Node)].Err == nil:
					r.Leads, led = true, false
				}
			}
		}
	}
}

func (f *story) id(t *testing.T, name string) placement.NodeID {
	for _, n := range f.Nodes {
		if n.Name == name {
			return placement.NodeID(n.Id)
		}
	}
	require.Fail(t, "no node", name)
	return 0
}

func number(t *testing.T, s string) int {
	n, err := strconv.Atoi(strings.TrimSpace(s))
	require.NoError(t, err)
	return n
}
