package machine

import (
	"maps"
	"slices"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"cairn/store"
)

func (m *model) takeSnapshot(t *rapid.T) {
	v := m.pick(t)
	if len(m.snapshots) > 7 {
		t.Skip("enough")
	}
	id, err := m.c.CreateSnapshot(ctx, m.ns, &CreateSnapshot{Branch: v.id, Epoch: v.epoch, LSN: v.lsn})
	require.NoError(t, err)
	m.snapshots = append(m.snapshots, &modelSnapshot{id: id, volume: v.id, lsn: v.lsn, size: v.size})
	m.completed(v)
}

func (m *model) copySnapshot(t *rapid.T) {
	s := m.pickSnapshot(t, true)
	id, err := m.c.CopySnapshot(ctx, m.ns, &CopySnapshot{Source: s.id})
	require.NoError(t, err)
	c := *s
	c.id = id
	m.snapshots = append(m.snapshots, &c)
}

// fillSnapshot puts blocks into a snapshot that has no volume.
func (m *model) fillSnapshot(t *rapid.T) {
	if len(m.snapshots) > 7 {
		t.Skip("enough")
	}
	pages, parent := map[at]uint64{}, SnapshotID(0)
	if rapid.Bool().Draw(t, "parent") {
		s := m.pickSnapshot(t, true)
		pages, parent = maps.Clone(s.pages), s.id
	}
	got, err := m.c.StartSnapshot(ctx, m.ns, &StartSnapshot{Size: 2, Parent: parent})
	require.NoError(t, err)
	for range rapid.IntRange(0, 3).Draw(t, "blocks") {
		v := &modelVolume{id: got.Branch, rows: pages, journal: []entry{{pages: places(t)}}}
		f := &Flush{Branch: got.Branch}
		pages = m.collapse(v, f)
		_, err := m.c.Flush(ctx, m.ns, f)
		require.NoError(t, err)
	}
	if rapid.IntRange(0, 3).Draw(t, "give up") == 0 {
		m.deleteSnapshot(got.Snapshot)
		return
	}
	s, err := m.c.CompleteSnapshot(ctx, m.ns, got.Snapshot)
	require.NoError(t, err)
	require.EqualValues(t, len(pages), s.Mapped)
	m.snapshots = append(m.snapshots, &modelSnapshot{id: s.ID, volume: got.Branch, done: true, size: 2, pages: pages})
}

// dropSnapshot deletes a snapshot; swept at once, it frees what it said.
func (m *model) dropSnapshot(t *rapid.T) {
	s := m.pickSnapshot(t, false)
	exact := s.done && rapid.Bool().Draw(t, "sweep")
	var before *Family
	var unique int64
	if exact {
		m.sweep()
		var err error
		before, err = m.c.Family(ctx, m.ns)
		require.NoError(t, err)
		unique, err = m.c.UniqueBytes(ctx, m.ns, Target{Snapshot: s.id})
		require.NoError(t, err)
	}
	m.deleteSnapshot(s.id)
	m.snapshots = slices.DeleteFunc(m.snapshots, func(x *modelSnapshot) bool { return x == s })
	if exact {
		m.sweep()
		after, err := m.c.Family(ctx, m.ns)
		require.NoError(t, err)
		freed := int64(before.Live-after.Live) * PageSize
		require.LessOrEqual(t, unique, freed)
		if slices.ContainsFunc(m.volumes, func(v *modelVolume) bool { return v.id == s.volume }) {
			require.Equal(t, unique, freed, "without a deleted parent that goes with it")
		}
	}
}

func (m *model) cloneSnapshot(t *rapid.T) {
	s := m.pickSnapshot(t, true)
	if len(m.volumes) > 4 {
		t.Skip("enough")
	}
	size := max(s.size, rapid.Uint32Range(1, 2).Draw(t, "size"))
	b, err := m.c.CreateVolume(ctx, m.ns, &CreateVolume{Snapshot: s.id, Attributes: Attributes{Spec: Spec{Size: size}}})
	require.NoError(t, err)
	m.added(b, size, s.pages)
}

func (m *model) cloneHead(t *rapid.T) {
	v := m.pick(t)
	if len(m.volumes) > 4 {
		t.Skip("enough")
	}
	x := &CreateVolume{Head: v.id, Epoch: v.epoch, LSN: v.lsn}
	b, err := m.c.CreateVolume(ctx, m.ns, x)
	if v.lsn != v.flushed || m.barrier(v) < 1<<62 {
		requireFails(t, err, store.KindConflict, ReasonUnflushed)
		return
	}
	require.NoError(t, err)
	m.added(b, v.size, v.rows)
}

func (m *model) dropVolume(t *rapid.T) {
	v := m.pick(t)
	require.NoError(t, m.c.Renew(ctx, m.ns, &Renew{Branch: v.id, Epoch: v.epoch}))
	if m.barrier(v) < 1<<62 {
		err := m.c.DeleteVolume(ctx, m.ns, &DeleteVolume{Branch: v.id})
		requireFails(t, err, store.KindConflict, ReasonUnflushed)
		m.claim(v.id)
		v.epoch++
		return
	}
	m.deleteVolume(v.id)
	m.volumes = slices.DeleteFunc(m.volumes, func(x *modelVolume) bool { return x == v })
	_, err := m.c.Volume(ctx, m.ns, v.id)
	requireFails(t, err, store.KindNotFound, ReasonVolume)
}

func (m *model) sweepOnce(t *rapid.T) {
	_, err := m.c.Sweep(ctx, m.ns)
	require.NoError(t, err)
}

func (m *model) flattenOnce(t *rapid.T) {
	v := m.pick(t)
	for more := true; more; {
		p, err := m.c.Flatten(ctx, m.ns, v.id)
		require.NoError(t, err)
		more = p.More
	}
	require.Zero(t, m.volume(v.id).Depth)
}

// compact copies what is left of a sparse blob to a new one.
func (m *model) compact(t *rapid.T) {
	p, err := m.c.Sparse(ctx, m.ns, store.BlobID{}, rapid.IntRange(50, 100).Draw(t, "percent"), 10)
	require.NoError(t, err)
	if len(p.Blobs) == 0 {
		t.Skip("no sparse blob")
	}
	old := rapid.SampledFrom(p.Blobs).Draw(t, "blob")
	x := &Compact{Moves: old.Pages}
	slices.SortFunc(x.Moves, func(a, b Move) int { return int(a.Chunk*ChunkPages) + a.Page - int(b.Chunk*ChunkPages) - b.Page })
	n := 0
	for i := range x.Moves {
		x.Moves[i].ToOff = n
		n += x.Moves[i].Pages
	}
	x.To = m.blob(n)
	for _, move := range x.Moves {
		copy(m.stamps[x.To.Blob][move.ToOff:][:move.Pages], m.stamps[old.Ref.Blob][move.FromOff:])
	}
	r, err := m.c.Compact(ctx, m.ns, x)
	require.NoError(t, err)
	require.False(t, r.More)
	require.Equal(t, 1, r.Blobs, "the old blob is free")
}
