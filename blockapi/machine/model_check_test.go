package machine

import (
	"maps"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"cairn/store"
)

// check reads everything and compares.
func (m *model) check(t *rapid.T) {
	m.env.t = t
	m.audit()
	for _, v := range m.volumes {
		require.Equal(t, v.rows, m.read(Target{Branch: v.id}), "%v", v.id)
	}
	for _, s := range m.snapshots {
		have, err := m.c.Snapshot(ctx, m.ns, s.id)
		require.NoError(t, err)
		require.Equal(t, s.done, have.State == SnapshotCompleted)
		if s.done {
			require.Equal(t, s.pages, m.read(Target{Snapshot: s.id}), "%v", s.id)
			require.EqualValues(t, len(s.pages), have.Mapped)
		}
	}
	m.checkBlocks(t)
}

// checkBlocks compares the lists of blocks of two snapshots.
func (m *model) checkBlocks(t *rapid.T) {
	if len(m.snapshots) < 2 || !m.snapshots[0].done || !m.snapshots[1].done {
		return
	}
	a, b := m.snapshots[0], m.snapshots[1]
	want := map[uint32]Block{}
	for p := range maps.Keys(a.pages) {
		x := want[block(p)]
		x.First = true
		want[block(p)] = x
	}
	for p := range maps.Keys(b.pages) {
		x := want[block(p)]
		x.Second = true
		want[block(p)] = x
	}
	got, err := m.c.ChangedBlocks(ctx, m.ns, Target{Snapshot: a.id}, Target{Snapshot: b.id}, 0, MaxBlocks)
	if err != nil {
		requireFails(t, err, store.KindInvalid, ReasonUnrelated)
		return
	}
	listed := map[uint32]bool{}
	for _, x := range got.Blocks {
		listed[x.Index] = true
		w := want[x.Index]
		require.Equal(t, Block{x.Index, w.First, w.Second}, x)
	}
	for index := range want {
		differ := false
		for p := range pagesOf(index) {
			x, inA := a.pages[p]
			y, inB := b.pages[p]
			differ = differ || inA != inB || x != y
		}
		// Compaction changes where pages are, not what they hold: a block may be
		// listed that has not changed, but none that has may be missing.
		if differ {
			require.True(t, listed[index], "block %d", index)
		}
	}
}

func block(p at) uint32 { return p.chunk*chunkBlocks + p.page/blockPages }

// pagesOf are the pages of a block.
func pagesOf(index uint32) map[at]bool {
	out := map[at]bool{}
	for i := range uint32(blockPages) {
		out[at{index / chunkBlocks, index%chunkBlocks*blockPages + i}] = true
	}
	return out
}

// empty ends everything and checks that nothing is left.
func (m *model) empty(t *rapid.T) {
	m.env.t = t
	for _, s := range m.snapshots {
		m.deleteSnapshot(s.id)
	}
	m.snapshots = nil
	for len(m.volumes) > 0 {
		m.dropVolume(t)
	}
	m.sweep()
	m.audit()
	require.Zero(t, m.s.Stats().Referenced)
	require.Equal(t, 1, m.s.Stats().Rows, "only the family row is left")
}
