package machine

import (
	"github.com/stretchr/testify/require"

	"cairn/store"
)

// audit counts everything anew from the chunk rows and compares: live counts,
// stored pages, stamps, homes, the family's sums; that every version is seen or
// waits for a sweep; and that the store knows the same blobs as referred to.
func (e *env) audit() {
	require.NoError(e.t, e.s.Audit())
	e.inspect(func(v view) error {
		a := &audit{t: e.t, v: v, counts: make(map[store.BlobID][]uint32), stored: make(map[Branch]uint64)}
		a.chunks()
		a.liveRows()
		a.branches()
		return nil
	})
}

type audit struct {
	t       require.TestingT
	v       view
	counts  map[store.BlobID][]uint32
	stored  map[Branch]uint64
	version int
}

func (a *audit) each(col store.Col, f func(suffix, value []byte)) {
	err := a.v.walk(col, nil, nil, func(s, v []byte) (bool, error) {
		f(s, v)
		return false, nil
	})
	require.NoError(a.t, err)
}

// chunks recounts the stretches. Rows come newest first.
func (a *audit) chunks() {
	var younger *content
	var youngerOf [2]uint32
	a.each(colChunk, func(suffix, value []byte) {
		a.version++
		row := &content{}
		require.NoError(a.t, decode(value, row, store.KindCorrupt, "chunk row"))
		id := [2]uint32{suffix32(suffix, 0), suffix32(suffix, 1)}
		if id != youngerOf {
			younger = nil
		}
		b, seq := Branch(id[1]), Seq(^suffix32(suffix, 2))
		for p := range ChunkPages {
			n, ok := row.name(p)
			if !ok {
				continue
			}
			if a.counts[n.blob] == nil {
				a.counts[n.blob] = make([]uint32, BlobPages)
			}
			if younger == nil || !same(row, younger, p) {
				a.counts[n.blob][n.off]++
				a.stored[b]++
			}
		}
		_, ok, err := a.v.get(colStamp, stampSuffix(b, seq, id[0]))
		require.NoError(a.t, err)
		require.True(a.t, ok, "stamp")
		a.reachable(b, seq, id[0])
		younger, youngerOf = row, id
	})
	stamps := 0
	a.each(colStamp, func(_, _ []byte) { stamps++ })
	require.Equal(a.t, a.version, stamps)
}

// reachable checks that the version is seen or will be swept.
func (a *audit) reachable(b Branch, seq Seq, chunk uint32) {
	r, err := a.v.branch(b)
	require.NoError(a.t, err)
	c := &change{view: a.v}
	k, err := c.newSweeper(b, r)
	require.NoError(a.t, err)
	seen := k.seen(chunk, seq)
	require.NoError(a.t, k.close(nil))
	a.each(colSweep, func(suffix, value []byte) {
		s := &sweepRec{}
		require.NoError(a.t, decode(value, s, store.KindCorrupt, "sweep row"))
		in := Branch(suffix32(suffix, 0)) == b && seq <= Seq(suffix32(suffix, 1))
		seen = seen || in && (seq > s.seq || seq == s.seq && chunk >= s.chunk)
	})
	require.True(a.t, seen, "%v chunk %d seq %d is dead and not swept", b, chunk, seq)
}

func (a *audit) liveRows() {
	var f familyRec
	a.each(colLive, func(suffix, value []byte) {
		l := &liveRec{}
		require.NoError(a.t, decode(value, l, store.KindCorrupt, "live row"))
		id := store.BlobID(suffix)
		want := a.counts[id]
		require.NotNil(a.t, want, "blob %s is named by nothing", id)
		require.Equal(a.t, want[:len(l.counts)], l.counts)
		h, err := load[homeRec](a.v, colHome, suffix, "home row")
		require.NoError(a.t, err)
		require.NotNil(a.t, h)
		n := 0
		for _, m := range h.named(id, l) {
			n += m.Pages
		}
		require.Equal(a.t, l.live(), n, "homes")
		f.blobs, f.bytes, f.live = f.blobs+1, f.bytes+uint64(l.len), f.live+uint64(l.live())
	})
	require.Len(a.t, a.counts, int(f.blobs))
	homes := 0
	a.each(colHome, func(_, _ []byte) { homes++ })
	require.EqualValues(a.t, f.blobs, homes)
	if have, err := load[familyRec](a.v, colFamily, nil, "family row"); have != nil {
		f.lastBranch, f.lastSnapshot = have.lastBranch, have.lastSnapshot
		require.NoError(a.t, err)
		require.Equal(a.t, &f, have)
	}
}

func (a *audit) branches() {
	a.each(colBranch, func(suffix, value []byte) {
		r := &branchRec{}
		require.NoError(a.t, decode(value, r, store.KindCorrupt, "branch row"))
		b := Branch(suffix32(suffix, 0))
		require.EqualValues(a.t, a.stored[b], r.stored, "stored pages of %v", b)
		if !r.headLives() {
			return
		}
		ls, err := a.v.lineage(b, maxSeq)
		require.NoError(a.t, err)
		vs, err := a.v.versions()
		require.NoError(a.t, err)
		mapped := 0
		for at, budget := uint32(0), 1<<20; ; {
			x, ok, _ := vs.next(ls, at, &budget)
			if !ok {
				break
			}
			row, err := vs.resolve(ls, x.chunk)
			require.NoError(a.t, err)
			mapped += row.mapped()
			at = x.chunk + 1
		}
		require.NoError(a.t, vs.close(nil))
		require.EqualValues(a.t, mapped, r.mapped, "mapped pages of %v", b)
	})
}
