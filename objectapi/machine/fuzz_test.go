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

// FuzzCommands runs arbitrary bytes as a command and as a query on a bucket
// that has something of everything: no panic, no internal error, and what the
// machine says of its blobs stays true.
func FuzzCommands(f *testing.F) {
	for _, c := range commandFormats() {
		f.Add(c.encode)
	}
	for _, op := range []opcode{opDelete, opSetTags, opAbort, opDrain, opSeal, opUnseal, askGet, askList, askUpload, askListParts, askListUploads, askObjectParts, askDead} {
		e := newCommand(op, testKey)
		f.Add(e.b)
		e.raw(testUpload[:])
		e.raw(make([]byte, 30))
		f.Add(e.b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		e := newEnv(t, 1)
		key := string(testKey)
		e.put(key, "12345", 1, 1, 1, 1)
		_, list := e.upload(key, "abc", "def")
		_, err := e.c.Complete(ctx, e.ns, key, firstUpload(t, e), &Complete{Parts: list})
		require.NoError(t, err)
		e.upload(key, "ghi")
		_, err = e.s.Do(ctx, e.ns, testKey, b)
		requireHarmless(t, err)
		_, err = e.s.Ask(ctx, e.ns, testKey, b)
		requireHarmless(t, err)
		require.NoError(t, e.s.Audit())
	})
}

func firstUpload(t *testing.T, e *env) UploadID {
	p, err := e.c.ListUploads(ctx, e.ns, ListUploads{Max: 1})
	require.NoError(t, err)
	return p.Entries[0].ID
}

// requireHarmless accepts any error but those that mean a bug or a damaged row.
// The store itself refuses a key outside the range, which it calls internal;
// there is one range here.
func requireHarmless(t *testing.T, err error) {
	if err != nil {
		require.NotEqual(t, store.KindInternal, store.KindOf(err), "%v", err)
		require.NotEqual(t, store.KindCorrupt, store.KindOf(err), "%v", err)
	}
}

// FuzzReplies decodes arbitrary bytes as replies, as a client of a faulty peer
// must.
func FuzzReplies(f *testing.F) {
	e := newEnv(f, 1)
	e.put("k", "12345", 1, 1)
	o, err := e.c.Get(ctx, e.ns, "k", Whole)
	require.NoError(f, err)
	f.Add(encodeObject(o))
	f.Add(encodeInfo(&Info{ETag: "e"}))
	f.Fuzz(func(t *testing.T, b []byte) {
		_, _ = decodeObject(b)
		_, _ = decodeInfo(b)
		_, _, _, _ = decodeParts(b)
		_, _, _ = decodeListing(b, func(d *decoder) (string, Entry) { x := d.entry(); return x.Key, x })
		_, _, _ = decodeListing(b, func(d *decoder) (string, UploadEntry) { x := d.uploadEntry(); return x.Key, x })
	})
}
