package machine

import (
	"maps"
	"slices"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"cairn/store"
)

// flushJournal flushes some entries in one blob, if any, up to the first
// pending snapshot at most.
func (m *model) flushJournal(t *rapid.T) {
	v := m.pick(t)
	n := rapid.IntRange(0, len(v.journal)).Draw(t, "entries")
	m.flushUpto(t, v, v.flushed+LSN(n))
}

func (m *model) flushUpto(t *rapid.T, v *modelVolume, upto LSN) {
	f := &Flush{Branch: v.id, Epoch: v.epoch, From: v.flushed, Upto: upto}
	barrier := m.barrier(v)
	rows := m.collapse(v, f)
	if rapid.IntRange(0, 4).Draw(t, "partial") == 0 && upto <= barrier {
		f.Partial = true
		_, err := m.c.Flush(ctx, m.ns, f)
		require.NoError(t, err)
		v.rows = rows
		return
	}
	got, err := m.c.Flush(ctx, m.ns, f)
	if upto > barrier {
		requireFails(t, err, store.KindPrecondition, ReasonBarrier)
		return
	}
	require.NoError(t, err)
	require.Equal(t, upto, got.LSN)
	v.rows, v.flushed = rows, upto
	v.journal = slices.DeleteFunc(v.journal, func(e entry) bool { return e.lsn <= upto })
	m.completed(v)
}

// barrier is the LSN of the first snapshot that waits.
func (m *model) barrier(v *modelVolume) LSN {
	first := LSN(1 << 62)
	for _, s := range m.snapshots {
		if s.volume == v.id && !s.done {
			first = min(first, s.lsn)
		}
	}
	return first
}

// collapse puts what the journal says up to f.Upto into f, and returns the rows
// that it should lead to.
func (m *model) collapse(v *modelVolume, f *Flush) map[at]uint64 {
	last := make(map[at]bool) // whether the page is written, not trimmed
	for _, e := range v.journal {
		for _, p := range e.pages {
			if e.lsn <= f.Upto {
				last[p] = !e.trim
			}
		}
	}
	order := slices.SortedFunc(maps.Keys(last), func(a, b at) int {
		return int(a.chunk*ChunkPages+a.page) - int(b.chunk*ChunkPages+b.page)
	})
	written := 0
	for _, p := range order {
		if last[p] {
			written++
		}
	}
	rows := maps.Clone(v.rows)
	if written > 0 {
		f.Blobs = []store.Placed{m.blob(written)}
	}
	written = 0
	for _, p := range order {
		if n := len(f.Chunks); n == 0 || f.Chunks[n-1].Chunk != p.chunk {
			f.Chunks = append(f.Chunks, ChunkRuns{Chunk: p.chunk})
		}
		r := Run{Page: int(p.page), Pages: 1}
		delete(rows, p)
		if last[p] {
			r.Blob, r.Off = f.Blobs[0].Ref, written
			rows[p] = m.stamps[r.Blob.Blob][written]
			written++
		}
		x := &f.Chunks[len(f.Chunks)-1]
		x.Runs = append(x.Runs, r)
	}
	return rows
}

// completed fixes the snapshots that the flushed LSN has reached.
func (m *model) completed(v *modelVolume) {
	for _, s := range m.snapshots {
		if s.volume == v.id && !s.done && s.lsn <= v.flushed {
			s.done, s.pages = true, maps.Clone(v.rows)
		}
	}
}
