package machine

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"cairn/store"
)

func TestSeal(t *testing.T) {
	e := newEnv(t, 1)
	for _, at := range []string{"g", "p"} {
		e.s.Split(e.ns, []byte(at))
	}
	e.put("q", "in the last range", 3)
	for i := range 2 * drainUploads {
		e.upload(fmt.Sprintf("h%d", i%3), "part", "another part")
	}
	requireFails(t, e.c.Seal(ctx, e.ns), store.KindNotEmpty, ReasonBucket)
	e.put("a", "the ranges sealed before are open again")
	_, err := e.c.Delete(ctx, e.ns, "a", Cond{})
	require.NoError(t, err)
	_, err = e.c.Delete(ctx, e.ns, "q", Cond{})
	require.NoError(t, err)

	require.NoError(t, e.c.Seal(ctx, e.ns))
	require.NoError(t, e.c.Seal(ctx, e.ns), "sealing again is no error")
	require.Zero(t, e.s.Stats().Referenced, "uploads are freed")
	require.Equal(t, 3, e.s.Stats().Rows, "only the seals are left")
	for _, key := range []string{"a", "h1", "q"} {
		for what, call := range e.everything(key) {
			requireFails(t, call(), store.KindNotFound, ReasonBucket)
			require.Equal(t, 3, e.s.Stats().Rows, what)
		}
	}
	require.NoError(t, e.c.Drain(ctx, e.ns, "h1"))
	e.s.Split(e.ns, []byte("c"))
	require.NoError(t, e.c.Seal(ctx, e.ns), "a range that split off is sealed too")
	for what, call := range e.everything("d") {
		requireFails(t, call(), store.KindNotFound, ReasonBucket)
		require.Equal(t, 4, e.s.Stats().Rows, what)
	}
}

// TestSealTakenBack drains while some ranges are sealed and the last refuses:
// uploads survive.
func TestSealTakenBack(t *testing.T) {
	e := newEnv(t, 1)
	e.s.Split(e.ns, []byte("m"))
	e.put("z", "an object")
	id, list := e.upload("a", "part")
	_, err := e.c.walkSeal(ctx, e.ns, opSeal)
	requireFails(t, err, store.KindNotEmpty, ReasonBucket)
	require.NoError(t, e.c.Drain(ctx, e.ns, "a"))
	require.NoError(t, e.c.Sweep(ctx, e.ns))
	_, err = e.c.Upload(ctx, e.ns, "a", id)
	requireFails(t, err, store.KindNotFound, ReasonBucket)
	requireFails(t, e.c.Seal(ctx, e.ns), store.KindNotEmpty, ReasonBucket)
	_, err = e.c.Complete(ctx, e.ns, "a", id, &Complete{Parts: list})
	require.NoError(t, err)
}

// everything returns a call of each method on key that a sealed bucket refuses.
func (e *env) everything(key string) map[string]func() error {
	id := UploadID{1}
	return map[string]func() error{
		"put":    func() error { _, err := e.c.Put(ctx, e.ns, key, e.object(key, "x")); return err },
		"head":   func() error { _, err := e.c.Head(ctx, e.ns, key); return err },
		"delete": func() error { _, err := e.c.Delete(ctx, e.ns, key, Cond{}); return err },
		"tags":   func() error { return e.c.SetTags(ctx, e.ns, key, nil) },
		"list":   func() error { _, err := e.c.List(ctx, e.ns, List{Max: 1, Prefix: key}); return err },
		"create": func() error { _, err := e.c.CreateUpload(ctx, e.ns, key, &Upload{}); return err },
		"part":   func() error { _, err := e.c.PutPart(ctx, e.ns, key, id, &PutPart{Number: 1}); return err },
		"parts":  func() error { _, _, _, err := e.c.ListParts(ctx, e.ns, key, id, 0, 1); return err },
		"object parts": func() error {
			_, _, _, err := e.c.ObjectParts(ctx, e.ns, key, 0, 1)
			return err
		},
		"uploads": func() error { _, err := e.c.ListUploads(ctx, e.ns, ListUploads{Max: 1, Prefix: key}); return err },
		"upload":  func() error { _, err := e.c.Upload(ctx, e.ns, key, id); return err },
		"abort":   func() error { _, err := e.c.Abort(ctx, e.ns, key, id); return err },
		"complete": func() error {
			list := []CompletePart{{Number: 1, ETag: "d41d8cd98f00b204e9800998ecf8427e"}}
			_, err := e.c.Complete(ctx, e.ns, key, id, &Complete{Parts: list})
			return err
		},
	}
}
