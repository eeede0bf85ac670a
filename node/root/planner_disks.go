package root

import (
	"context"
	"time"

	"cairn/placement"
	pb "cairn/proto"
)

// Limits of what the planner gives up by itself: a partition must not start a
// storm of copying.
const (
	maxAutoOutShare = 0.20
	maxAutoOutZones = 1
)

// autoReason marks disks that the planner gave up, and may take in again.
const autoReason = "it was silent too long"

// setDisks gives up the disks that are silent too long, and takes those back
// that have returned. A new leader begins to count anew.
func (p *Planner) setDisks(ctx context.Context) error {
	named := p.named()
	out := p.autoOut(named)
	for _, d := range p.client.view.Disks() {
		next, why := p.nextState(d, named, out)
		if next == placement.AdminState(d.Admin) {
			continue
		}
		if err := p.setDisk(ctx, d, next, why); err != nil {
			return err
		}
	}
	return nil
}

// nextState decides on one disk. What an operator took out is the operator's.
func (p *Planner) nextState(d *pb.DiskRow, named map[placement.DiskID]bool, out *given) (next placement.AdminState, why string) {
	id, admin := placement.DiskID(d.Id), placement.AdminState(d.Admin)
	ours := d.Reason == autoReason
	if !p.silent(id) {
		delete(p.silentSince, id)
		if ours && (admin == placement.DiskOut || admin == placement.DiskRetired) {
			return placement.DiskIn, "it is back"
		}
		return admin, ""
	}
	if _, ok := p.silentSince[id]; !ok {
		p.silentSince[id] = time.Now()
	}
	switch {
	case admin == placement.DiskIn && time.Since(p.silentSince[id]) > p.downOut && (p.unplugged(d) || out.mayAdd(p.client.view, d)):
		return placement.DiskOut, autoReason
	case admin == placement.DiskOut && ours && p.unplugged(d) && !named[id]:
		// It was replaced, and all it had is elsewhere: nothing is left to be done
		// about it.
		return placement.DiskRetired, autoReason
	}
	return admin, ""
}

func (p *Planner) setDisk(ctx context.Context, d *pb.DiskRow, s placement.AdminState, why string) error {
	p.log.Info("disk changes state", "disk", d.Id, "node", d.Node, "state", s.String(), "why", why)
	return p.client.Propose(ctx, &pb.RootCommand{Cmd: &pb.RootCommand_SetDisk{
		SetDisk: &pb.SetDisk{Disk: d.Id, Admin: uint32(s), Reason: why},
	}}, nil)
}

// given counts what was given up by the planner.
type given struct {
	disks, total int
	zones        map[string]bool
}

// named returns the disks that placement groups name.
func (p *Planner) named() map[placement.DiskID]bool {
	named := map[placement.DiskID]bool{}
	for _, pg := range p.client.view.PGs() {
		for i, d := range pg.Holders {
			named[d], named[pg.PrevOf(i)] = true, true
		}
	}
	return named
}

// autoOut counts what is given up. A disk that no placement group names any more
// is history: its shards are elsewhere, and it must not keep the next one from
// being given up.
func (p *Planner) autoOut(named map[placement.DiskID]bool) *given {
	g := &given{zones: map[string]bool{}}
	for _, d := range p.client.view.Disks() {
		if placement.AdminState(d.Admin) == placement.DiskRetired {
			continue
		}
		g.total++
		if placement.AdminState(d.Admin) == placement.DiskOut && d.Reason == autoReason && named[placement.DiskID(d.Id)] {
			g.add(p.client.view, d)
		}
	}
	return g
}

func (g *given) add(v *View, d *pb.DiskRow) {
	g.disks++
	g.zones[v.Node(placement.NodeID(d.Node)).GetZone()] = true
}

// mayAdd reports whether one more disk can be given up within the limits, and
// counts it. One disk always can.
func (g *given) mayAdd(v *View, d *pb.DiskRow) bool {
	zone := v.Node(placement.NodeID(d.Node)).GetZone()
	if g.disks > 0 && float64(g.disks+1) > maxAutoOutShare*float64(g.total) ||
		!g.zones[zone] && len(g.zones) >= maxAutoOutZones {
		return false
	}
	g.add(v, d)
	return true
}

// silent reports whether a disk's node does not answer, or answers without it.
func (p *Planner) silent(d placement.DiskID) bool {
	state, _ := p.client.live.Node(placement.NodeID(p.client.view.Disk(d).GetNode()))
	return state == Down || state == Unknown || p.client.live.Disk(d) == nil
}

// unplugged reports whether the node of a disk answers and does not have it. The
// limits are there for partitions, and this is none: two disks that were replaced
// must both be given up before the groups they share can be whole again.
func (p *Planner) unplugged(d *pb.DiskRow) bool {
	state, _ := p.client.live.Node(placement.NodeID(d.Node))
	return state == Up && p.client.live.Disk(placement.DiskID(d.Id)) == nil
}
