package simulator

import (
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"cairn/placement"
)

// model plays events while moves are under way. Cluster itself fails a step that
// takes a shard away.
type model struct {
	*Cluster
	planned []placement.Move // not begun
	running []placement.Move
}

// fatal reports whether some normal row would be unreadable without the disk.
func (m *model) fatal(id placement.DiskID) bool {
	for r := range m.Rows {
		if m.Rows[r].Class != placement.PGNormal || m.redundancy(r) > 0 {
			continue
		}
		for _, d := range m.complete[r] {
			if d == id {
				return true
			}
		}
	}
	return false
}

func (m *model) pick(t *rapid.T, moves *[]placement.Move) (placement.Move, bool) {
	if len(*moves) == 0 {
		return placement.Move{}, false
	}
	i := rapid.IntRange(0, len(*moves)-1).Draw(t, "move")
	out := (*moves)[i]
	*moves = append((*moves)[:i], (*moves)[i+1:]...)
	return out, true
}

func (m *model) loseDisk(t *rapid.T) {
	d := rapid.SampledFrom(m.Topology.Disks()).Draw(t, "disk")
	if !d.Admin.Counted() || m.fatal(d.ID) {
		return
	}
	require.NoError(t, m.Lose(func(x placement.Disk) bool { return x.ID == d.ID }))
}

func (m *model) beginRepairs(t *rapid.T) {
	moves, err := placement.Replace(m.Topology, m.Policies, m.Rows)
	require.NoError(t, err)
	left := make(map[placement.PGID]int)
	for _, move := range moves {
		pg := &m.Rows[m.row[move.PG]]
		left[pg.ID] = placement.Redundancy(m.Topology, m.policy[pg.Policy], pg)
	}
	for _, move := range moves {
		require.NoError(t, m.Begin(move))
		pg := &m.Rows[m.row[move.PG]]
		require.True(t, m.copying(pg) == 1 || left[pg.ID] < 1, "group %d copies %d slots and could lose %d", pg.ID, m.copying(pg), left[pg.ID])
	}
	m.running = append(m.running, moves...)
}

// copying counts the moving slots whose target lives.
func (m *model) copying(pg *placement.PG) (n int) {
	for i, d := range pg.Holders {
		if pg.PrevOf(i) != 0 && m.Topology.Counted(d) {
			n++
		}
	}
	return n
}

// plan replaces what was planned by a plan for a changed topology.
func (m *model) plan(t *rapid.T) {
	next, err := m.Topology.Edit(func(n *placement.Node, d *placement.Disk) {
		switch rapid.IntRange(0, 9).Draw(t, "change") {
		case 0:
			if d.Admin == placement.DiskIn {
				d.Admin = placement.DiskDraining
			}
		case 1:
			n.Weight = 50
		default:
			if d.Admin == placement.DiskDraining {
				d.Admin = placement.DiskIn
			}
		}
	})
	require.NoError(t, err)
	plan, err := placement.NewPlan(m.Topology, next, m.Policies, m.Rows, placement.Options{Force: true})
	if err == nil {
		m.Change(next)
		m.planned = plan.Moves
	}
}

// begin starts a planned move as a planner would: the row may have changed since,
// and then it refuses.
func (m *model) begin(t *rapid.T) {
	move, ok := m.pick(t, &m.planned)
	if !ok {
		return
	}
	pg := &m.Rows[m.row[move.PG]]
	target, _ := m.Topology.Disk(move.To)
	if pg.Moving() > 0 || target.Admin != placement.DiskIn {
		return
	}
	if _, err := pg.Begin(move); err != nil {
		return
	}
	require.NoError(t, m.Begin(move))
	m.running = append(m.running, move)
}

func (m *model) finish(t *rapid.T) {
	move, ok := m.pick(t, &m.running)
	pg := &m.Rows[m.row[move.PG]]
	if !ok || !m.Topology.Counted(move.To) || pg.Holders[move.Slot] != move.To {
		return // its target died, or another took its place
	}
	require.NoError(t, m.Finish(move))
}

// settle brings the cluster back to health.
func (m *model) settle(t *rapid.T) {
	for len(m.running) > 0 {
		m.finish(t)
	}
	top, err := m.restored()
	require.NoError(t, err)
	_, err = m.Rebalance(top, placement.Options{Force: true})
	require.NoError(t, err)
	_, err = m.Repair()
	require.NoError(t, err)
	_, err = m.Rebalance(top, placement.Options{Force: true})
	require.NoError(t, err)
	for r := range m.Rows {
		require.Zero(t, m.Rows[r].Moving(), "group %d", m.Rows[r].ID)
		require.Equal(t, int(m.policy[m.Rows[r].Policy].M), m.redundancy(r), "group %d", m.Rows[r].ID)
	}
	require.NoError(t, m.CheckSpread())
}

// TestMovesUnderFailures: whatever fails between the begin and the end of moves,
// no background step takes a shard away, the rows never claim more redundancy
// than there is, and in the end everything is whole.
func TestMovesUnderFailures(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		cfg := Default()
		cfg.Zones = rapid.IntRange(1, 4).Draw(t, "zones")
		cfg.Nodes = rapid.IntRange(1, 3).Draw(t, "nodes")
		cfg.Disks = rapid.IntRange(1, 3).Draw(t, "disks")
		top, err := cfg.topology()
		require.NoError(t, err)
		c, err := NewCluster(top, map[placement.PolicyID]int{1: 4, 2: 4, 3: 4, 4: 4})
		require.NoError(t, err)
		m := &model{Cluster: c}
		steps := []func(*rapid.T){m.loseDisk, m.beginRepairs, m.beginRepairs, m.plan, m.begin, m.begin, m.begin, m.finish, m.finish}
		for range rapid.IntRange(0, 60).Draw(t, "steps") {
			rapid.SampledFrom(steps).Draw(t, "step")(t)
			require.NoError(t, m.Check())
		}
		m.settle(t)
	})
}
