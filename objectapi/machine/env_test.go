package machine

import (
	"context"
	"crypto/md5"
	"time"

	"github.com/stretchr/testify/require"

	"cairn/store"
	"cairn/store/memstore"
)

var ctx = context.Background()

// env is a bucket in memory.
type env struct {
	t   require.TestingT
	s   *memstore.Store
	c   *Client
	ns  store.NS
	now time.Time
}

// newEnv makes a bucket whose parts may be as small as minPart. Its clock
// stands still unless a test moves it.
func newEnv(t require.TestingT, minPart int64) *env {
	return newEnvOn(t, &Machine{minPart: minPart})
}

func newEnvOn(t require.TestingT, m store.Machine) *env {
	e := &env{t: t, s: memstore.New(m), ns: store.MakeNS(store.KindObject, 7), now: time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)}
	e.s.SetClock(func() time.Time { return e.now })
	e.c = NewClient(e.s)
	return e
}

// body stores data in blobs of the given lengths, the rest in a last one;
// without lengths it is inline.
func (e *env) body(key string, data []byte, cuts ...int) Body {
	if len(cuts) == 0 {
		return Body{Inline: data}
	}
	var b Body
	for _, n := range append(cuts, len(data)) {
		n = min(n, len(data))
		if n == 0 {
			continue
		}
		p, err := e.s.Put(ctx, store.Owner{NS: e.ns, Key: []byte(key)}, store.ClassStandard, data[:n:n])
		require.NoError(e.t, err)
		b.Placed, data = append(b.Placed, p), data[n:]
	}
	return b
}

func (e *env) put(key, data string, cuts ...int) *Info {
	info, err := e.c.Put(ctx, e.ns, key, e.object(key, data, cuts...))
	require.NoError(e.t, err)
	return info
}

func (e *env) object(key, data string, cuts ...int) *Put {
	return &Put{Body: e.body(key, []byte(data), cuts...), Size: int64(len(data)), MD5: md5.Sum([]byte(data))}
}

// upload starts an upload with the given parts, numbered from 1, each in a blob
// of its own, and returns the list that completes it.
func (e *env) upload(key string, parts ...string) (UploadID, []CompletePart) {
	id, err := e.c.CreateUpload(ctx, e.ns, key, &Upload{})
	require.NoError(e.t, err)
	list := make([]CompletePart, len(parts))
	for i, data := range parts {
		list[i] = e.putPart(key, id, i+1, data, len(data))
	}
	return id, list
}

func (e *env) putPart(key string, id UploadID, n int, data string, cuts ...int) CompletePart {
	p := &PutPart{Body: e.body(key, []byte(data), cuts...), Number: n, Size: int64(len(data)), MD5: md5.Sum([]byte(data))}
	_, err := e.c.PutPart(ctx, e.ns, key, id, p)
	require.NoError(e.t, err)
	return CompletePart{Number: n, ETag: etag(p.MD5, 0, "")}
}

// read returns the bytes of the window, asking on until it has them all.
func (e *env) read(key string, w Window) (*Object, string, error) {
	first, err := e.c.Get(ctx, e.ns, key, w)
	if err != nil {
		return nil, "", err
	}
	data := e.bytes(first.Pieces)
	for o := first; o.Next < first.Off+first.Len; {
		rest := Window{Off: o.Next, Len: first.Off + first.Len - o.Next, Version: first.Version}
		if o, err = e.c.Get(ctx, e.ns, key, rest); err != nil {
			return nil, "", err
		}
		data += e.bytes(o.Pieces)
	}
	return first, data, nil
}

func (e *env) bytes(pieces []Piece) (out string) {
	for _, p := range pieces {
		if p.Data != nil {
			out += string(p.Data)
			continue
		}
		b, err := e.s.Get(ctx, p.Ref, p.Off, p.Len)
		require.NoError(e.t, err)
		for _, part := range b.Parts() {
			out += string(part)
		}
	}
	return out
}

// requireFails checks an error's kind and reason.
func requireFails(t require.TestingT, err error, kind store.ErrKind, reason string) {
	require.Error(t, err)
	require.Equal(t, kind, store.KindOf(err), "%v", err)
	require.Equal(t, reason, store.ReasonOf(err), "%v", err)
}
