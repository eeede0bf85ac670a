package machine

import (
	"flag"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"cairn/store"
)

// entry is a journal entry of the model: pages that get stamps, or zeroes.
type entry struct {
	lsn   LSN
	pages []at
	trim  bool
}

type modelVolume struct {
	id       Branch
	size     uint32
	now      map[at]uint64 // as a client reads it; stamps of unflushed pages are 0
	rows     map[at]uint64 // as the rows should show it
	lsn      LSN           // the last written
	flushed  LSN
	epoch    uint64
	journal  []entry
	segments int
}

type modelSnapshot struct {
	id     SnapshotID
	volume Branch
	lsn    LSN
	done   bool
	size   uint32
	pages  map[at]uint64 // once it is done
}

// model runs commands on a family and on plain maps side by side.
type model struct {
	*env
	volumes   []*modelVolume
	snapshots []*modelSnapshot
}

var (
	chunkDraw = rapid.SampledFrom([]uint32{0, 1, 255})
	pageDraw  = rapid.SampledFrom([]uint32{0, 1, 2, 254})
)

// TestModel runs random commands on the machine and on the model.
func TestModel(t *testing.T) {
	for name, value := range map[string]string{"rapid.checks": "150", "rapid.steps": "80"} {
		if f := flag.Lookup(name); f.Value.String() == f.DefValue {
			require.NoError(t, f.Value.Set(value))
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		m := &model{env: newEnv(t)}
		m.s.LoseReplies(rapid.IntRange(0, 20).Draw(t, "lost replies"))
		m.create(t)
		t.Repeat(map[string]func(*rapid.T){
			"create":          m.create,
			"write":           m.write,
			"overwrite":       m.write,
			"flush":           m.flushJournal,
			"stale flush":     m.staleFlush,
			"takeover":        m.takeover,
			"resize":          m.resize,
			"snapshot":        m.takeSnapshot,
			"copy snapshot":   m.copySnapshot,
			"fill snapshot":   m.fillSnapshot,
			"delete snapshot": m.dropSnapshot,
			"clone":           m.cloneSnapshot,
			"clone head":      m.cloneHead,
			"delete volume":   m.dropVolume,
			"sweep":           m.sweepOnce,
			"flatten":         m.flattenOnce,
			"compact":         m.compact,
			"":                m.check,
		})
		m.empty(t)
	})
}

func (m *model) pick(t *rapid.T) *modelVolume {
	if len(m.volumes) == 0 {
		t.Skip("no volume")
	}
	return rapid.SampledFrom(m.volumes).Draw(t, "volume")
}

func (m *model) pickSnapshot(t *rapid.T, done bool) *modelSnapshot {
	var some []*modelSnapshot
	for _, s := range m.snapshots {
		if s.done || !done {
			some = append(some, s)
		}
	}
	if len(some) == 0 {
		t.Skip("no snapshot")
	}
	return rapid.SampledFrom(some).Draw(t, "snapshot")
}

func (m *model) added(b Branch, size uint32, pages map[at]uint64) {
	m.claim(b)
	m.volumes = append(m.volumes, &modelVolume{
		id: b, size: size, now: maps.Clone(pages), rows: maps.Clone(pages), epoch: m.volume(b).Epoch,
	})
}

func (m *model) create(t *rapid.T) {
	if len(m.volumes) > 1 {
		t.Skip("enough")
	}
	b, err := m.c.CreateVolume(ctx, m.ns, &CreateVolume{Attributes: Attributes{Spec: Spec{Size: 1}}})
	require.NoError(t, err)
	m.added(b, 1, map[at]uint64{})
}

func places(t *rapid.T) (out []at) {
	chunk, page, n := chunkDraw.Draw(t, "chunk"), pageDraw.Draw(t, "page"), rapid.Uint32Range(1, 4).Draw(t, "pages")
	for i := range n {
		if p := page + i; p < ChunkPages {
			out = append(out, at{chunk, p})
		}
	}
	return out
}

// write appends an entry to the journal, and often flushes what it can.
func (m *model) write(t *rapid.T) {
	v := m.pick(t)
	v.lsn++
	e := entry{lsn: v.lsn, pages: places(t), trim: rapid.IntRange(0, 3).Draw(t, "trim") == 0}
	if v.size > 1 && rapid.Bool().Draw(t, "far") {
		for i := range e.pages {
			e.pages[i].chunk += gibChunks
		}
	}
	v.journal = append(v.journal, e)
	if rapid.IntRange(0, 3).Draw(t, "flush") > 0 {
		m.flushUpto(t, v, min(v.lsn, m.barrier(v)))
	}
}

// staleFlush is refused for an old epoch, or a gap.
func (m *model) staleFlush(t *rapid.T) {
	v := m.pick(t)
	f := &Flush{Branch: v.id, Epoch: v.epoch - 1, From: v.flushed, Upto: v.flushed}
	_, err := m.c.Flush(ctx, m.ns, f)
	requireFails(t, err, store.KindPrecondition, ReasonEpoch)
	f.Epoch, f.From, f.Upto = v.epoch, v.flushed+1, v.flushed+1
	_, err = m.c.Flush(ctx, m.ns, f)
	requireFails(t, err, store.KindPrecondition, ReasonGap)
}

// takeover claims the volume anew; what the rows say of it is what the model
// knows.
func (m *model) takeover(t *rapid.T) {
	v := m.pick(t)
	got := m.claim(v.id)
	v.epoch++
	require.Equal(t, v.epoch, got.Volume.Epoch)
	require.Equal(t, v.flushed, got.Volume.Flushed)
	var pending []Pending
	for _, s := range m.snapshots {
		if s.volume == v.id && !s.done {
			pending = append(pending, Pending{s.id, s.lsn})
		}
	}
	require.Equal(t, pending, got.Pending)
	if rapid.IntRange(0, 3).Draw(t, "tail lost") == 0 {
		m.loseTail(t, v)
	}
}

// loseTail is a recovery that finds less than was written.
func (m *model) loseTail(t *rapid.T, v *modelVolume) {
	end := v.flushed + LSN(rapid.IntRange(0, len(v.journal)).Draw(t, "end"))
	require.NoError(t, m.c.Recovered(ctx, m.ns, &Recovered{Branch: v.id, Epoch: v.epoch, End: end}))
	v.lsn = end
	v.journal = slices.DeleteFunc(v.journal, func(e entry) bool { return e.lsn > end })
	for _, s := range m.snapshots {
		if s.volume == v.id && !s.done {
			s.lsn = min(s.lsn, end)
		}
	}
	m.completed(v)
}

func (m *model) resize(t *rapid.T) {
	v := m.pick(t)
	m.now = m.now.Add(7 * time.Hour)
	_, err := m.c.Modify(ctx, m.ns, &Modify{Branch: v.id, Size: 2})
	require.NoError(t, err)
	for _, state := range []ModificationState{ModificationOptimizing, ModificationCompleted} {
		_, err = m.c.AdvanceModification(ctx, m.ns, &AdvanceModification{v.id, state})
		require.NoError(t, err)
	}
	v.size = 2
}
