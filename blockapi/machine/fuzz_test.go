package machine

import (
	"testing"

	"github.com/stretchr/testify/require"

	"cairn/store"
)

// FuzzRows decodes rows of every kind: damaged ones give an error, and what
// decodes must keep its meaning when it is written again.
func FuzzRows(f *testing.F) {
	rows := rowFormats()
	for i, r := range rows {
		f.Add(uint8(i), r.encode)
	}
	f.Fuzz(func(t *testing.T, kind uint8, b []byte) {
		r := rows[int(kind)%len(rows)]
		once, err := r.again(b)
		if err != nil {
			k := store.KindOf(err)
			require.True(t, k == store.KindCorrupt || k == store.KindUnknownFormat, "%v", err)
			return
		}
		twice, err := r.again(once)
		require.NoError(t, err)
		require.Equal(t, once, twice)
	})
}

// FuzzCommands runs arbitrary bytes as a command and as a query on a family
// that has something of everything: no panic, no internal error, and the counts
// stay true.
func FuzzCommands(f *testing.F) {
	for _, m := range messageFormats(f) {
		f.Add(m.encode)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		e := newEnv(t)
		v := e.create(1)
		e.flush(v, at{0, 1}, at{0, 2}, at{1, 0})
		clone := e.clone(e.snapshot(v))
		e.flush(v, at{0, 2})
		e.flush(clone, at{0, 1})
		e.deleteSnapshot(e.snapshot(clone))
		_, err := e.s.Do(ctx, e.ns, Key, b)
		requireHarmless(t, err)
		if len(b) > 0 {
			_, err = e.s.Ask(ctx, e.ns, Key, b)
			requireHarmless(t, err)
		}
		e.audit()
	})
}

// requireHarmless accepts any error but those that mean a bug or a damaged row.
func requireHarmless(t *testing.T, err error) {
	if err != nil {
		require.NotEqual(t, store.KindInternal, store.KindOf(err), "%v", err)
		require.NotEqual(t, store.KindCorrupt, store.KindOf(err), "%v", err)
	}
}

// FuzzReplies decodes arbitrary bytes as replies, as a client of a faulty peer
// must.
func FuzzReplies(f *testing.F) {
	replies := []func() wirer{
		func() wirer { return &Takeover{} }, func() wirer { return &PageMap{} }, func() wirer { return &Blocks{} },
		func() wirer { return &Sparse{} }, func() wirer { return &Snapshots{} }, func() wirer { return &Volumes{} },
		func() wirer { return &Flushed{} }, func() wirer { return &Compacted{} },
	}
	e := newEnv(f)
	b := e.create(1)
	e.flush(b, at{0, 1}, at{0, 2})
	p, err := e.c.PageMap(ctx, e.ns, Target{Branch: b}, 0, 1)
	require.NoError(f, err)
	f.Add(uint8(1), encode(p))
	f.Add(uint8(0), encode(e.claim(b)))
	f.Fuzz(func(t *testing.T, kind uint8, b []byte) {
		_ = decode(b, replies[int(kind)%len(replies)](), store.KindInternal, "reply")
	})
}
