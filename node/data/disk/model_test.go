package disk

import (
	"bytes"
	"errors"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"cairn/internal/arena"
	"cairn/store"
)

// model is what a disk must be indistinguishable from.
type model struct {
	*bench
	shards  map[ShardID][]byte // acknowledged
	bad     map[ShardID]bool   // known to be damaged
	rotten  map[ShardID]bool   // damaged, and perhaps nobody noticed
	deleted map[store.BlobID]time.Time
	fences  map[uint32]uint32
	heard   map[uint32]uint32 // newest generation since the disk was opened
}

func TestDiskAgainstModel(t *testing.T) {
	arena.CheckLeaks(t)
	rapid.Check(t, func(t *rapid.T) {
		m := &model{bench: newBench(t), shards: map[ShardID][]byte{}, bad: map[ShardID]bool{}, rotten: map[ShardID]bool{},
			deleted: map[store.BlobID]time.Time{}, fences: map[uint32]uint32{}, heard: map[uint32]uint32{}}
		defer func() { m.close() }()
		t.Repeat(map[string]func(*rapid.T){
			"put":      m.put,
			"put2":     m.put,
			"putOther": m.putOther,
			"read":     m.readRange,
			"delete":   m.delete,
			"evict":    m.evict,
			"fence":    m.fence,
			"rot":      m.rot,
			"maintain": m.maintain,
			"reopen":   func(*rapid.T) { m.close(); m.open(); m.forgetHeard(); require.False(t, m.d.recovered) },
			"crash":    m.crashNow,
			"indexRot": m.damageIndex,
			"crashPut": m.crashDuringPuts,
			"":         m.check,
		})
	})
}

var shardIDs = rapid.Custom(func(t *rapid.T) ShardID {
	return ShardID{blob(rapid.Uint32Range(1, 2).Draw(t, "pg"), rapid.Uint32Range(1, 6).Draw(t, "seq")), rapid.Uint8Range(0, 1).Draw(t, "shard")}
})

// bodyOf is small for most shards and punchable for some.
func bodyOf(id ShardID, variant int) []byte {
	sizes := []int{1, 100, 16384, 16385, 40000, 65536, 100001}
	return content(id, sizes[int(id.Blob.Seq()+id.Blob.PG())%len(sizes)], variant)
}

func (m *model) gen(pg uint32) uint32 { return max(1, m.fences[pg]) }

// forgetHeard is what a restart does: of the generations that were heard of, only
// fences last.
func (m *model) forgetHeard() { clear(m.heard); maps.Copy(m.heard, m.fences) }

func (m *model) tryPut(id ShardID, body []byte, gen uint32) error {
	return m.d.Write(bg, shardOf(id), gen, [][]byte{body}, CRC(body))
}

func (m *model) put(t *rapid.T) {
	id := shardIDs.Draw(t, "id")
	body := bodyOf(id, 0)
	pg := id.Blob.PG()
	gen := m.gen(pg) + rapid.Uint32Range(0, 2).Draw(t, "newer")
	m.heard[pg] = max(m.heard[pg], gen)
	err := m.tryPut(id, body, gen)
	if _, gone := m.deleted[id.Blob]; gone {
		require.Equal(t, "deleted", store.ReasonOf(err))
		return
	}
	require.NoError(t, err)
	if !m.rotten[id] || m.bad[id] {
		delete(m.rotten, id)
	}
	delete(m.bad, id)
	m.shards[id] = body
}

func (m *model) putOther(t *rapid.T) {
	id := shardIDs.Draw(t, "id")
	if f := m.fences[id.Blob.PG()]; f > 0 && rapid.Bool().Draw(t, "stale") {
		require.True(t, store.Is(m.tryPut(id, bodyOf(id, 0), f-1), store.KindStaleMap))
		return
	}
	if m.shards[id] == nil || m.bad[id] {
		return
	}
	pg := id.Blob.PG()
	m.heard[pg] = max(m.heard[pg], m.gen(pg))
	err := m.tryPut(id, bodyOf(id, 1), m.gen(pg))
	require.True(t, store.Is(err, store.KindConflict), "%v", err)
	require.Equal(t, "content", store.ReasonOf(err))
}

func (m *model) readRange(t *rapid.T) {
	id := shardIDs.Draw(t, "id")
	size := len(bodyOf(id, 0))
	off := rapid.IntRange(0, size-1).Draw(t, "off")
	n := rapid.IntRange(1, size-off).Draw(t, "n")
	data, crc, err := m.d.Read(bg, id, off, n)
	want := m.shards[id]
	switch {
	case want == nil:
		require.True(t, store.Is(err, store.KindNotFound), "%v", err)
	case m.bad[id] || err != nil && m.rotten[id]:
		require.True(t, store.Is(err, store.KindCorrupt), "%v", err)
		m.bad[id] = true
	default:
		require.NoError(t, err)
		require.True(t, bytes.Equal(want[off:off+n], data))
		require.Equal(t, CRC(data), crc)
		arena.Put(data)
	}
	_, _, err = m.d.Read(bg, id, off, size-off+1)
	require.Error(t, err)
}

func (m *model) forget(id ShardID) {
	delete(m.shards, id)
	delete(m.bad, id)
	delete(m.rotten, id)
}

func (m *model) delete(t *rapid.T) {
	ids := rapid.SliceOfN(shardIDs, 1, 3).Draw(t, "ids")
	var blobs []store.BlobID
	for _, id := range ids {
		blobs = append(blobs, id.Blob)
		for i := range uint8(2) {
			m.forget(ShardID{id.Blob, i})
		}
		if _, known := m.deleted[id.Blob]; !known {
			m.deleted[id.Blob] = m.now
		}
	}
	require.NoError(t, m.d.Delete(bg, blobs))
}

func (m *model) evict(t *rapid.T) {
	ids := rapid.SliceOfN(shardIDs, 1, 3).Draw(t, "ids")
	pg := ids[0].Blob.PG()
	ids = slices.DeleteFunc(ids, func(id ShardID) bool { return id.Blob.PG() != pg })
	gen := rapid.Uint32Range(0, 10).Draw(t, "gen")
	err := m.d.Evict(bg, pg, gen, ids)
	if gen < m.heard[pg] {
		require.True(t, store.Is(err, store.KindStaleMap), "%v", err)
		return
	}
	require.NoError(t, err)
	for _, id := range ids {
		m.forget(id)
	}
}

func (m *model) fence(t *rapid.T) {
	pg := rapid.Uint32Range(1, 2).Draw(t, "pg")
	gen := rapid.Uint32Range(1, 9).Draw(t, "gen")
	m.fences[pg] = max(m.fences[pg], gen)
	m.heard[pg] = max(m.heard[pg], gen)
	got, err := m.d.Fence(bg, pg, gen)
	require.NoError(t, err)
	require.Equal(t, m.fences[pg], got)
}

// rot flips a bit of some record's data or sums.
func (m *model) rot(t *rapid.T) {
	id := shardIDs.Draw(t, "id")
	if m.shards[id] == nil || m.bad[id] {
		return
	}
	row := m.rowOf(id)
	off := rapid.Int64Range(int64(row.hdr), row.size()-1).Draw(t, "off")
	m.fs.flip(segmentName(row.seg), int64(row.off)+off)
	m.rotten[id] = true
}

func (m *model) maintain(t *rapid.T) {
	m.now = m.now.Add(time.Duration(rapid.IntRange(0, 48).Draw(t, "hours")) * time.Hour)
	require.NoError(t, m.d.Maintain(bg))
	for b, at := range m.deleted {
		if m.now.Sub(at) > TombstoneAge {
			delete(m.deleted, b)
		}
	}
	m.settle(t)
}

func (m *model) crashNow(t *rapid.T) {
	m.snapshot(rng(t))
	m.crash()
	m.forgetHeard()
	m.settle(t)
}

// damageIndex spoils or removes a file of the index of a closed disk. All shards
// are there when it is opened again; what was deleted or evicted may be, and
// fences are gone if it had to be made anew. Pebble's log is left alone: damage in
// its last block looks like an end that was torn off.
func (m *model) damageIndex(t *rapid.T) {
	m.close()
	files, err := m.index.List("index")
	require.NoError(t, err)
	files = slices.DeleteFunc(files, func(f string) bool { return strings.HasSuffix(f, ".log") })
	slices.Sort(files)
	name := "index/" + rapid.SampledFrom(files).Draw(t, "file")
	if rapid.Bool().Draw(t, "remove") {
		require.NoError(t, m.index.Remove(name))
	} else {
		spoil(t, m.index, name)
	}
	m.open()
	st, err := m.d.Stats()
	require.NoError(t, err)
	if st.Rebuilt {
		clear(m.deleted)
		clear(m.fences)
	}
	m.forgetHeard()
	m.settle(t)
}

// spoil overwrites the first half of a file.
func spoil(t *rapid.T, fs vfs.FS, name string) {
	st, err := fs.Stat(name)
	require.NoError(t, err)
	f, err := fs.OpenReadWrite(name, vfs.WriteCategoryUnspecified)
	require.NoError(t, err)
	_, err = f.WriteAt(bytes.Repeat([]byte{0xAA}, int(st.Size()/2)), 0)
	require.NoError(t, errors.Join(err, f.Close()))
}

func rng(t *rapid.T) (*rand.Rand, float64) {
	return rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1)), rapid.SampledFrom([]float64{0, 0.5, 1}).Draw(t, "keep")
}

// crashDuringPuts crashes before some change of the files while several writers
// are at work.
func (m *model) crashDuringPuts(t *rapid.T) {
	ids := rapid.SliceOfNDistinct(shardIDs, 1, 6, func(id ShardID) ShardID { return id }).Draw(t, "ids")
	left := rapid.IntRange(0, 6).Draw(t, "changes")
	r, keep := rng(t)
	m.fs.before = func(string) error {
		if left--; left < 0 {
			m.snapshot(r, keep)
		}
		return nil
	}
	acked := make([]bool, len(ids))
	var wg sync.WaitGroup
	for i, id := range ids {
		wg.Go(func() {
			err := m.tryPut(id, bodyOf(id, 0), m.gen(id.Blob.PG()))
			acked[i] = err == nil && !m.crashed.Load()
		})
	}
	wg.Wait()
	m.snapshot(r, keep)
	m.crash()
	m.forgetHeard()
	for i, id := range ids {
		if acked[i] {
			if m.bad[id] {
				m.forget(id)
			}
			m.shards[id] = bodyOf(id, 0)
		}
	}
	m.settle(t)
}

// settle takes over what a crash left undecided: an unacknowledged write or an
// evicted shard may be there, whole or marked bad, and rot may have been found.
func (m *model) settle(t *rapid.T) {
	for pg := range uint32(2) {
		for seq := range uint32(6) {
			for i := range uint8(2) {
				m.settleShard(t, ShardID{blob(pg+1, seq+1), i})
			}
		}
	}
}

func (m *model) settleShard(t *rapid.T, id ShardID) {
	switch st := m.state(id); {
	case st == Bad && (m.rotten[id] || m.bad[id]):
		m.bad[id] = true
	case st == Bad && m.shards[id] == nil:
		m.shards[id], m.bad[id], m.rotten[id] = bodyOf(id, 0), true, true
	case st == Present && m.shards[id] == nil:
		require.NotContains(t, m.deleted, id.Blob, "a deleted shard came back")
		m.mustRead(id, bodyOf(id, 0))
		m.shards[id] = bodyOf(id, 0)
	case st == Present && m.bad[id]:
		// The mark was not durable, or a write in flight repaired it.
		delete(m.bad, id)
	case st == Absent && m.rotten[id]:
		m.forget(id) // a rotten record at the end of the log is cut off as torn
	}
}

// check compares everything that can be asked.
func (m *model) check(t *rapid.T) {
	for _, pg := range []uint32{1, 2} {
		m.checkList(t, pg)
	}
	for id, want := range m.shards {
		if !m.rotten[id] && !m.bad[id] {
			m.mustRead(id, want)
			sh, n, err := m.d.Describe(id)
			require.NoError(t, err)
			require.Equal(t, shardOf(id), sh)
			require.Equal(t, len(want), n)
		}
	}
	st, err := m.d.Stats()
	require.NoError(t, err)
	require.Equal(t, int64(len(m.shards)), st.Shards)
	require.Equal(t, int64(len(m.bad)), st.Bad)
	var live int64
	for id := range m.shards {
		if row := m.rowOf(id); row.seg != 0 {
			live += row.size()
		}
	}
	require.Equal(t, live, st.Live)
}

func (m *model) checkList(t *rapid.T, pg uint32) {
	var got []Entry
	var after store.BlobID
	limit := rapid.IntRange(1, 20).Draw(t, "limit")
	for more := true; more; {
		var page []Entry
		var err error
		page, more, err = m.d.List(bg, pg, after, limit, true)
		require.NoError(t, err)
		got = append(got, page...)
		if more {
			after = page[len(page)-1].Blob
		}
	}
	if want := m.wantList(pg); len(want)+len(got) > 0 {
		require.Equal(t, want, got)
	}

	blobs := map[store.BlobID]bool{}
	for _, e := range got {
		if e.State != Deleted {
			blobs[e.Blob] = true
		}
	}
	hours, err := m.d.Digest(bg, pg)
	require.NoError(t, err)
	n := 0
	for _, h := range hours {
		n += int(h.Blobs)
	}
	require.Equal(t, len(blobs), n)
}

func (m *model) wantList(pg uint32) (want []Entry) {
	for id, body := range m.shards {
		e := Entry{ShardID: id, Len: uint32(len(body)), State: Present}
		if m.bad[id] {
			e.State = Bad
		}
		want = append(want, e)
	}
	for b := range maps.Keys(m.deleted) {
		want = append(want, Entry{ShardID: ShardID{Blob: b}, State: Deleted})
	}
	want = slices.DeleteFunc(want, func(e Entry) bool { return e.Blob.PG() != pg })
	slices.SortFunc(want, func(a, b Entry) int { return bytes.Compare(shardKey(a.ShardID), shardKey(b.ShardID)) })
	return want
}
