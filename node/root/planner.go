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

	// Owned by run.
	silentSince map[placement.DiskID]time.Time
	calm        uint64 // epoch of the map whose rows all lie as well as they can

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
	topo, err := view.Topology()
	if err != nil || !p.whole() {
		return err
	}
	if err := p.rehome(ctx, topo); err != nil {
		return err
	}
	return p.respread(ctx, topo)
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
