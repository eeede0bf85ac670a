package placement

import (
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// TestBuiltRowsAreAsGoodAsCanBe: on any topology, every policy that is chosen
// can be built, no row breaks a rule or could be spread better, each survives
// what its label says, and full fallback rows may be acknowledged.
func TestBuiltRowsAreAsGoodAsCanBe(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		top := drawTopology(t)
		policies, err := ChoosePolicies(top)
		require.NoError(t, err)
		rows, err := Build(top, policies, fewCounts(policies), 1)
		require.NoError(t, err)
		bad, err := Check(top, policies, rows)
		require.NoError(t, err)
		require.Empty(t, bad)

		byID := make(map[PolicyID]Policy)
		for _, p := range policies {
			byID[p.ID] = p
		}
		for _, h := range Margins(top, policies, rows, nil, nil) {
			promise, err := Promise(top, byID[h.Policy])
			require.NoError(t, err)
			require.False(t, h.Margin.Below(promise), "%s: rows survive less: %v", byID[h.Policy].Label, h.Margin)
		}
		for i := range rows {
			p := byID[rows[i].Policy]
			require.True(t, p.Acked(&rows[i], top, 1<<p.N()-1), "group %d, %v: a complete write is refused", rows[i].ID, rows[i].Class)
		}
	})
}

// drawChange edits a topology: disks drain, go out, come back; nodes are added
// and reweighted.
func drawChange(t *rapid.T, top *Topology) *Topology {
	states := []AdminState{DiskIn, DiskIn, DiskIn, DiskIn, DiskDraining, DiskOut}
	next, err := top.Edit(func(n *Node, d *Disk) {
		d.Admin = rapid.SampledFrom(states).Draw(t, "state")
		n.Weight = rapid.SampledFrom([]uint32{0, 0, 50, 200}).Draw(t, "weight")
	})
	require.NoError(t, err)
	nodes, disks := append([]Node(nil), next.Nodes()...), append([]Disk(nil), next.Disks()...)
	for range rapid.IntRange(0, 3).Draw(t, "added") {
		id := NodeID(len(nodes) + 1)
		nodes = append(nodes, Node{ID: id, Zone: string(rune('a' + rapid.IntRange(0, 5).Draw(t, "zone")))})
		disks = append(disks, Disk{ID: DiskID(len(disks) + 1), Node: id, Capacity: 2e12})
	}
	next, err = NewTopology(nodes, disks)
	require.NoError(t, err)
	return next
}

// TestPlansAreLegal: on any change, the moves of a plan can be begun and done one
// after the other, no row ever has two shards on a disk, and afterwards no shard
// is on a disk that is not in, and none could be spread better.
func TestPlansAreLegal(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		old := drawTopology(t)
		policies := must(ChoosePolicies(old))
		rows := must(Build(old, policies, fewCounts(policies), 1))
		top := drawChange(t, old)
		plan, err := NewPlan(old, top, policies, rows, Options{Force: true})
		if err != nil {
			require.Contains(t, err.Error(), "too-few-disks")
			return
		}
		again := must(NewPlan(old, top, policies, rows, Options{Force: true}))
		require.Equal(t, plan, again, "a plan is a function of its arguments")

		for _, m := range plan.Moves {
			pg := &rows[m.PG-1]
			next, err := pg.Begin(m)
			require.NoError(t, err)
			*pg, err = next.Done(m.Slot, m.To)
			require.NoError(t, err)
		}
		bad, err := Check(top, policies, rows)
		require.NoError(t, err)
		require.Empty(t, bad)
		require.Empty(t, plan.Stuck)
		for i := range rows {
			for _, d := range rows[i].Holders {
				disk, _ := top.Disk(d)
				require.Equal(t, DiskIn, disk.Admin, "group %d", rows[i].ID)
			}
		}
	})
}

// TestRefusals: what would make groups less safe needs force, what fills a disk
// is refused even so, and what cannot be placed has no plan.
func TestRefusals(t *testing.T) {
	old := uniform(3, 2, 1)
	policies := must(ChoosePolicies(old))
	rows := must(Build(old, policies, fewCounts(policies), 1))
	out := func(ids ...DiskID) *Topology {
		return must(old.Edit(func(_ *Node, d *Disk) {
			for _, id := range ids {
				if d.ID == id {
					d.Admin = DiskDraining
				}
			}
		}))
	}
	_, err := NewPlan(old, out(1), policies, rows, Options{Force: true})
	require.ErrorContains(t, err, "too-few-disks")

	wide := uniform(3, 2, 3)
	rows = must(Build(wide, policies, fewCounts(policies), 1))
	drained := must(wide.Edit(func(n *Node, d *Disk) {
		if n.Zone == "a" {
			d.Admin = DiskDraining
		}
	}))
	_, err = NewPlan(wide, drained, policies, rows, Options{})
	require.ErrorContains(t, err, "below-safety")
	_, err = NewPlan(wide, drained, policies, rows, Options{Force: true})
	require.NoError(t, err)
	_, err = NewPlan(wide, drained, policies, rows, Options{Force: true, SlotBytes: func(*PG) int64 { return 1e11 }})
	require.ErrorContains(t, err, "full")
}

// TestRehome: fallback rows that took data become normal rows in place.
func TestRehome(t *testing.T) {
	top := uniform(3, 3, 2)
	policies := must(ChoosePolicies(top))
	rows := must(BuildClass(top, policies[0], PGFallback, 12, 1))
	plan, err := Rehome(top, policies, rows)
	require.NoError(t, err)
	require.Len(t, plan.Moves, 12*3, "RS(5,4): a third of each row returns to the zone that was away")
	normal := applied(rows, plan.Moves)
	for i := range normal {
		home, next := normal[i].Released(PGID(100 + i))
		require.True(t, home.ComesHome())
		require.Equal(t, normal[i].Holders, next.Holders)
		require.Equal(t, PG{ID: next.ID, Policy: home.Policy, Class: PGFallback, Gen: 1, Holders: next.Holders}, next)
		normal[i] = home.Opened()
		require.Equal(t, rows[i].Gen+2, normal[i].Gen)
	}
	again, err := Rehome(top, policies, normal)
	require.NoError(t, err)
	require.Empty(t, again.Moves, "what is home stays")
	require.Equal(t, "survives the loss of 1 zone and 1 more node", Margins(top, policies, normal, nil, nil)[0].Margin.String())
}

// TestAvoided: a disk that does not answer is no target, and keeps its shards.
func TestAvoided(t *testing.T) {
	top := uniform(3, 4, 2)
	policies := must(ChoosePolicies(top))[:1]
	rows := must(Build(top, policies, fewCounts(policies), 1))
	lost := must(top.Edit(func(_ *Node, d *Disk) {
		if d.ID == 1 {
			d.Admin = DiskOut
		}
	}))
	moves := must(Replace(lost.Avoiding(func(d DiskID) bool { return d == 2 }), policies, rows))
	require.NotEmpty(t, moves)
	for _, m := range moves {
		require.Equal(t, DiskID(1), m.From)
		require.NotEqual(t, DiskID(2), m.To)
	}
}

// TestFallbackRowsStayHome: while a zone is away its fallback rows are repaired
// within the zones left, so that they can still be written.
func TestFallbackRowsStayHome(t *testing.T) {
	top := uniform(3, 3, 3)
	policies := must(ChoosePolicies(top))
	rows := must(BuildClass(top, policies[0], PGFallback, 30, 1))
	zone := func(d DiskID) string { n, _ := top.NodeOf(d); return n.Zone }
	lost := must(top.Edit(func(_ *Node, d *Disk) {
		if d.ID == 1 || d.ID == 10 {
			d.Admin = DiskOut
		}
	}))
	moves := must(Replace(lost.Avoiding(func(d DiskID) bool { return zone(d) == "c" }), policies, rows))
	require.NotEmpty(t, moves)
	for _, m := range moves {
		used := map[string]bool{zone(m.To): true}
		for _, d := range rows[m.PG-1].Holders {
			used[zone(d)] = true
		}
		require.Len(t, used, 2, "group %d to disk %d", m.PG, m.To)
	}
}

// TestEvenRowsCannotImprove: the shortcut that skips most rows never skips one
// of which a shard would rank better elsewhere.
func TestEvenRowsCannotImprove(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		top := drawChange(t, drawTopology(t))
		n := min(rapid.IntRange(1, 8).Draw(t, "n"), len(top.Disks()))
		p := Policy{M: uint8(rapid.IntRange(0, n-1).Draw(t, "m")), Level: LevelNode}
		p.K = uint8(n) - p.M
		row := PG{Holders: make([]DiskID, n)}
		for i, d := range rapid.Permutation(top.Disks()).Draw(t, "holders")[:n] {
			row.Holders[i] = d.ID
		}
		g := newGroup(top, make(map[home]*pools), p, []*PG{&row})
		ps := g.pools(anywhere)
		if !g.even(0, ps) {
			return
		}
		for slot := range n {
			here, there := g.ranks(0, slot, ps)
			require.LessOrEqual(t, here, there, "slot %d of %v", slot, row.Holders)
		}
	})
}
