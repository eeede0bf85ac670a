package root

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"cairn/node/fabric"
	"cairn/placement"
	pb "cairn/proto"
)

// A node is suspect when nodes of two zones cannot reach it, though the root
// hears it; the word of one node or of one zone, or of suspects, takes nobody
// down.
func TestAccusation(t *testing.T) {
	now := time.Now()
	b := newBeats()
	zones := map[uint32]string{1: "a", 2: "a", 3: "b", 4: "b", 5: "c"}
	state := func(accusers ...uint32) Liveness {
		var reply *pb.HeartbeatReply
		for range 2 { // what is said of accusers counts from the next beat
			for id, zone := range zones {
				r := &pb.HeartbeatRequest{Node: id}
				for _, a := range accusers {
					if a == id {
						r.Unreachable = []uint32{5}
					}
				}
				reply = b.take(r, zone, 1, now)
			}
		}
		for _, n := range reply.Nodes {
			if n.Node == 5 {
				return Liveness(n.State)
			}
		}
		return Unknown
	}
	require.Equal(t, Up, state())
	require.Equal(t, Up, state(1))
	require.Equal(t, Up, state(1, 2))
	require.Equal(t, Suspect, state(1, 3))
	require.Equal(t, Up, state(), "it can be reached again")
	b.take(&pb.HeartbeatRequest{Node: 1}, "a", 1, now)
	now = now.Add(suspectAfter)
	delete(zones, 1) // accused 5, and is silent since
	require.Equal(t, Up, state(3))
}

// A node reports who does not answer it, twice in a row, and nobody once they
// answer or if most do not.
func TestProbesFindWhoCannotBeReached(t *testing.T) {
	net := fabric.NewNetwork()
	var rows []*pb.Row
	for id := uint32(1); id <= 5; id++ {
		net.Join(placement.NodeID(id)).Handle(MethodPing, ping)
		rows = append(rows, &pb.Row{Key: keyU32(colNode, id), Value: EncodeRow(&pb.NodeRow{Id: id})})
	}
	view, live := NewView(), &Live{}
	require.NoError(t, view.Update(rows, 1, false))
	reply := &pb.HeartbeatReply{}
	for id := uint32(1); id <= 5; id++ {
		reply.Nodes = append(reply.Nodes, &pb.NodeLiveness{Node: id})
	}
	live.Set(reply, time.Now())
	p := &prober{fabric: net.Join(1), outcomes: map[placement.NodeID]outcome{}}
	probe := func() {
		for range 50 { // each is called by chance
			p.probe(context.Background(), view, live)
		}
	}
	probe()
	require.Empty(t, p.accused())
	cut := map[placement.NodeID]*fabric.Inproc{}
	for _, id := range []placement.NodeID{4, 5} {
		cut[id] = net.Join(id)
		cut[id].Close()
	}
	probe()
	require.Equal(t, []uint32{4, 5}, p.accused())
	three := net.Join(3)
	three.Close()
	probe()
	require.Empty(t, p.accused(), "it reaches one of four: it is cut off itself")
	net.Join(4).Handle(MethodPing, ping)
	net.Join(3).Handle(MethodPing, ping)
	probe()
	require.Equal(t, []uint32{5}, p.accused())
}

// A view that stands still behind the root leaves the replica it is followed at.
func TestLaggingWatchIsLeft(t *testing.T) {
	var l laggard
	left := 0
	l.watching(func() { left++ })
	for _, beat := range [][2]uint64{{5, 5}, {5, 9}, {6, 9}, {6, 9}, {9, 9}, {9, 9}} {
		l.beat(beat[0], beat[1])
	}
	require.Zero(t, left, "it catches up")
	l.beat(9, 12)
	l.beat(9, 12)
	require.Equal(t, 1, left)
}
