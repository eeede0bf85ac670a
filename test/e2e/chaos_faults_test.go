package e2e

import (
	"context"
	"fmt"
	"slices"
	"time"

	"cairn/internal/testproc"
)

// fault is something that happens to machines. begin makes it happen, and the
// result of begin ends it.
type fault struct {
	name  string
	hold  time.Duration // how long it lasts under load
	begin func(ctx context.Context, r *chaosRun) (end func() error, err error)
	// stall bounds the time without an acknowledgement; 0: only measured.
	stall time.Duration
	// excused: metadata has no quorum, so requests fail.
	excused bool
}

// maxStall is how long the death of a leader may hold writes up.
const maxStall = 5 * time.Second

var faults = []fault{
	{name: "nothing", hold: 2 * time.Second, begin: nothing},
	{name: "kill a node that leads nothing", hold: 5 * time.Second, begin: killFollower},
	{name: "kill the leader of a metadata group", hold: 6 * time.Second, begin: killLeader("meta 1"), stall: maxStall},
	{name: "kill the leader of the root", hold: 6 * time.Second, begin: killLeader("root"), stall: maxStall},
	{name: "pause the leader of a metadata group", hold: 12 * time.Second, begin: pauseLeader, stall: maxStall},
	{name: "kill a zone", hold: 8 * time.Second, begin: killZone},
	{name: "kill a zone and one more node", hold: 6 * time.Second, begin: killZoneAndNode, excused: true},
}

func nothing(context.Context, *chaosRun) (func() error, error) {
	return func() error { return nil }, nil
}

// kill kills nodes at once; their end is to be started again.
func (r *chaosRun) kill(nodes ...*testproc.Node) func() error {
	for _, n := range nodes {
		r.t.Logf("  kill %s", n.Name)
		n.Kill()
	}
	return func() error {
		for _, n := range nodes {
			if err := n.Start(); err != nil {
				return err
			}
		}
		return nil
	}
}

// leader returns the node that leads a group.
func (r *chaosRun) leader(ctx context.Context, group string) (*testproc.Node, error) {
	s, err := r.cluster.Nodes()[0].Status(ctx)
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(s.Metadata.Groups, func(g testproc.Group) bool { return g.Name == group })
	if i < 0 || s.Metadata.Groups[i].Leader == "" {
		return nil, fmt.Errorf("group %s has no leader", group)
	}
	return r.cluster.Node(s.Metadata.Groups[i].Leader), nil
}

func killLeader(group string) func(context.Context, *chaosRun) (func() error, error) {
	return func(ctx context.Context, r *chaosRun) (func() error, error) {
		n, err := r.leader(ctx, group)
		if err != nil {
			return nil, err
		}
		return r.kill(n), nil
	}
}

func killFollower(ctx context.Context, r *chaosRun) (func() error, error) {
	s, err := r.cluster.Nodes()[0].Status(ctx)
	if err != nil {
		return nil, err
	}
	for _, i := range r.rng.Perm(len(r.cluster.Nodes())) {
		n := r.cluster.Nodes()[i]
		leads := func(g testproc.Group) bool { return g.Leader == n.Name }
		if !slices.ContainsFunc(s.Metadata.Groups, leads) {
			return r.kill(n), nil
		}
	}
	return nil, fmt.Errorf("every node leads a group")
}

func pauseLeader(ctx context.Context, r *chaosRun) (func() error, error) {
	n, err := r.leader(ctx, "meta 2")
	if err != nil {
		return nil, err
	}
	r.t.Logf("  pause %s", n.Name)
	return n.Resume, n.Pause()
}

// zone returns the nodes of a zone chosen by chance, and another node.
func (r *chaosRun) zone() (inside []*testproc.Node, outside *testproc.Node) {
	all := r.cluster.Nodes()
	zone := all[r.rng.IntN(len(all))].Zone
	for _, i := range r.rng.Perm(len(all)) {
		if all[i].Zone == zone {
			inside = append(inside, all[i])
		} else {
			outside = all[i]
		}
	}
	return inside, outside
}

func killZone(_ context.Context, r *chaosRun) (func() error, error) {
	zone, _ := r.zone()
	return r.kill(zone...), nil
}

func killZoneAndNode(_ context.Context, r *chaosRun) (func() error, error) {
	zone, other := r.zone()
	return r.kill(append(zone, other)...), nil
}
