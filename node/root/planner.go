package root

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"cairn/placement"
	pb "cairn/proto"
	"cairn/store"
)

// DownOut is how long a node may be silent before its shards are rebuilt
// elsewhere.
const DownOut = 10 * time.Minute

// Limits of what the planner gives up by itself: a partition must not start a
// storm of copying.
const (
	maxAutoOutShare = 0.20
	maxAutoOutZones = 1
)

// autoReason marks disks that the planner gave up, and may take in again.
const autoReason = "it was silent too long"

// planInterval is how often the planner looks; maxMoving bounds the placement
// groups that are being rebuilt at a time.
const (
	planInterval = time.Second
	formInterval = 100 * time.Millisecond
	maxMoving    = 64
)

// Planner does what the cluster does by itself: it forms it, and repairs its
// placement. One runs on every root replica and acts on the leader's only.
type Planner struct {
	client  *Client
	server  *Server
	log     *slog.Logger
	downOut time.Duration

	silentSince map[placement.DiskID]time.Time // owned by run

	cancel context.CancelFunc
	done   sync.WaitGroup
}

// StartPlanner starts the planner of a root replica. downOut is normally
// [DownOut].
func StartPlanner(c *Client, s *Server, downOut time.Duration, log *slog.Logger) *Planner {
	ctx, cancel := context.WithCancel(context.Background())
	p := &Planner{client: c, server: s, log: log, downOut: downOut, cancel: cancel, silentSince: map[placement.DiskID]time.Time{}}
	p.done.Go(func() { p.run(ctx) })
	return p
}

// Close ends the planner.
func (p *Planner) Close() {
	p.cancel()
	p.done.Wait()
}

func (p *Planner) run(ctx context.Context) {
	for ctx.Err() == nil {
		next := planInterval
		if !p.client.view.Cluster().Formed {
			next = formInterval
		}
		pause(ctx, next)
		if !p.server.leads() {
			clear(p.silentSince)
			continue
		}
		if err := p.step(ctx); err != nil && ctx.Err() == nil {
			p.log.Warn("planner", "err", err)
		}
	}
}

// step does what there is to do now. Every change is a conditional command, so
// a planner that acts on an old view changes nothing.
func (p *Planner) step(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	view := p.client.view
	if !view.Cluster().Formed {
		return p.form(ctx)
	}
	if p.client.live.Age(time.Now()) > 3*BeatInterval {
		return nil // a stale picture is no ground to give anything up
	}
	if err := p.setDisks(ctx); err != nil {
		return err
	}
	if err := p.repair(ctx); err != nil {
		return err
	}
	return p.rehome(ctx)
}

// setDisks gives up the disks that are silent too long, and takes those back
// that have returned. A new leader begins to count anew.
func (p *Planner) setDisks(ctx context.Context) error {
	out := p.autoOut()
	for _, d := range p.client.view.Disks() {
		id, admin := placement.DiskID(d.Id), placement.AdminState(d.Admin)
		if !p.silent(id) {
			delete(p.silentSince, id)
			if admin == placement.DiskOut && d.Reason == autoReason {
				if err := p.setDisk(ctx, d, placement.DiskIn, "it is back"); err != nil {
					return err
				}
			}
			continue
		}
		if _, ok := p.silentSince[id]; !ok {
			p.silentSince[id] = time.Now()
		}
		if admin == placement.DiskIn && time.Since(p.silentSince[id]) > p.downOut && (p.unplugged(d) || out.mayAdd(p.client.view, d)) {
			if err := p.setDisk(ctx, d, placement.DiskOut, autoReason); err != nil {
				return err
			}
		}
	}
	return nil
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

// A disk that no placement group names any more is history: its shards are
// elsewhere, and it must not keep the next one from being given up.
func (p *Planner) autoOut() *given {
	named := map[placement.DiskID]bool{}
	for _, pg := range p.client.view.PGs() {
		for i, d := range pg.Holders {
			named[d], named[pg.PrevOf(i)] = true, true
		}
	}
	g := &given{zones: map[string]bool{}}
	for _, d := range p.client.view.Disks() {
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

// repair gives the slots of lost disks to others. The new holders see it in
// their map and fill themselves.
func (p *Planner) repair(ctx context.Context) error {
	view := p.client.view
	topo, err := view.Topology()
	if err != nil {
		return err
	}
	var rows []placement.PG
	for _, pg := range view.PGs() {
		rows = append(rows, *pg)
	}
	moves, err := placement.Replace(topo.Avoiding(p.noTarget), view.Policies(), rows)
	if err != nil || len(moves) == 0 {
		return err
	}
	return p.begin(ctx, view, moves[:min(len(moves), p.room(topo))])
}

// room returns how many more groups may be filled at the same time.
func (p *Planner) room(topo *placement.Topology) int {
	moving := 0
	for _, pg := range p.client.view.PGs() {
		if p.fills(topo, pg) {
			moving++
		}
	}
	return max(maxMoving-moving, 0)
}

// fills reports whether a slot of the group is on its way to a disk that still
// counts. One whose target was lost does not run: it must not use up the room
// that its own new start needs.
func (p *Planner) fills(topo *placement.Topology, pg *placement.PG) bool {
	for i, d := range pg.Holders {
		if pg.PrevOf(i) != 0 && topo.Counted(d) {
			return true
		}
	}
	return false
}

// noTarget reports whether a disk cannot be filled now.
func (p *Planner) noTarget(d placement.DiskID) bool {
	return p.silent(d) || p.client.live.Disk(d).GetHealth() != 0
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

// begin starts moves, each in its own command: one that lost its race takes
// none with it.
func (p *Planner) begin(ctx context.Context, view *View, moves []placement.Move) error {
	for _, m := range moves {
		pg := view.PG(m.PG)
		next, err := pg.Begin(m)
		if err == nil {
			p.log.Info("placement group moves", "why", m.Why.String(), "pg", m.PG, "slot", m.Slot, "from", m.From, "to", m.To)
			err = p.client.SetPG(ctx, &next)
		}
		if err != nil && !store.Is(err, store.KindConflict) {
			return err
		}
	}
	return nil
}

// SetPG replaces the row of a placement group by compare-and-swap on its
// generation: the row's must be one more than the stored one's.
func (c *Client) SetPG(ctx context.Context, pg *placement.PG) error {
	return c.setPGs(ctx, pg)
}

// setPGs replaces or adds several rows in one command: all of them or none.
func (c *Client) setPGs(ctx context.Context, rows ...*placement.PG) error {
	set := &pb.SetPGs{}
	for _, pg := range rows {
		set.Pgs = append(set.Pgs, &pb.PGRow{Pg: uint32(pg.ID), Row: placement.AppendPG(nil, pg)})
	}
	return c.Propose(ctx, &pb.RootCommand{Cmd: &pb.RootCommand_SetPgs{SetPgs: set}}, nil)
}
