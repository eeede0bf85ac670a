package health

import (
	"context"
	"sync"
	"time"

	"google.golang.org/protobuf/proto"

	"cairn/node/fabric"
	"cairn/node/root"
	"cairn/placement"
	pb "cairn/proto"
)

// AskTime is how long a node has to answer with its report.
const AskTime = 2 * time.Second

// Facts are what a status is computed from, as far as they could be had.
type Facts struct {
	Now      time.Time
	Asked    placement.NodeID // the node that collected them
	Epoch    uint64
	Cluster  *pb.ClusterRow
	Nodes    []*pb.NodeRow
	Disks    []*pb.DiskRow
	Policies []placement.Policy
	PGs      []placement.PG
	Groups   []*pb.GroupRow
	Names    map[string]int // how many buckets, users, … there are

	Liveness map[placement.NodeID]NodeLive
	Beats    map[placement.DiskID]*pb.DiskBeat
	LiveAge  time.Duration // how old Liveness and Beats are

	Reports map[placement.NodeID]*Report
}

// NodeLive is the root leader's opinion of a node.
type NodeLive struct {
	State root.Liveness
	Since time.Time // zero: not known
}

// Report is what a node answered, or why it did not.
type Report struct {
	*pb.ReportReply
	Err  error
	Skew time.Duration // its clock minus ours, corrected by half the round trip
	RTT  time.Duration
}

// Collect gathers the facts as seen from the node that c belongs to.
func Collect(ctx context.Context, f fabric.Fabric, c *root.Client) *Facts {
	view, live := c.View(), c.Live()
	epoch, _ := view.Epoch()
	facts := &Facts{
		Now: time.Now(), Asked: f.Self(), Epoch: epoch,
		Cluster: view.Cluster(), Nodes: view.Nodes(), Disks: view.Disks(), Policies: view.Policies(), Groups: view.Groups(),
		Names:    countNames(view),
		Liveness: map[placement.NodeID]NodeLive{}, Beats: map[placement.DiskID]*pb.DiskBeat{},
	}
	for _, pg := range view.PGs() {
		facts.PGs = append(facts.PGs, *pg)
	}
	facts.LiveAge = live.Age(facts.Now)
	for _, n := range facts.Nodes {
		id := placement.NodeID(n.Id)
		state, since := live.Node(id)
		facts.Liveness[id] = NodeLive{State: state, Since: since}
	}
	for _, d := range facts.Disks {
		if b := live.Disk(placement.DiskID(d.Id)); b != nil {
			facts.Beats[placement.DiskID(d.Id)] = b
		}
	}
	facts.Reports = ask(ctx, f, facts.Nodes)
	return facts
}

// ask calls all nodes at once.
func ask(ctx context.Context, f fabric.Fabric, nodes []*pb.NodeRow) map[placement.NodeID]*Report {
	ctx, cancel := context.WithTimeout(ctx, AskTime)
	defer cancel()
	var mu sync.Mutex
	out := map[placement.NodeID]*Report{}
	var wg sync.WaitGroup
	for _, n := range nodes {
		id := placement.NodeID(n.Id)
		wg.Go(func() {
			r := askOne(ctx, f, id)
			mu.Lock()
			defer mu.Unlock()
			out[id] = r
		})
	}
	wg.Wait()
	return out
}

func askOne(ctx context.Context, f fabric.Fabric, id placement.NodeID) *Report {
	sent := time.Now()
	msg, err := f.Call(ctx, id, MethodReport, &fabric.Message{})
	if err != nil {
		return &Report{Err: err}
	}
	defer msg.Release()
	rtt := time.Since(sent)
	r := &pb.ReportReply{}
	if err := proto.Unmarshal(msg.Head, r); err != nil {
		return &Report{Err: err}
	}
	skew := time.UnixMilli(r.ClockMs).Sub(sent.Add(rtt / 2))
	return &Report{ReportReply: r, Skew: skew, RTT: rtt}
}

// ReportOf returns what a node answered, nil if it did not.
func (f *Facts) ReportOf(node uint32) *pb.ReportReply {
	if !f.answers(placement.NodeID(node)) {
		return nil
	}
	return f.Reports[placement.NodeID(node)].ReportReply
}
