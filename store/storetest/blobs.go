package storetest

import (
	"bytes"
	"context"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"cairn/store"
)

// random returns n bytes that depend on seed only.
func random(seed uint64, n int) []byte {
	b := make([]byte, n)
	r := rand.NewChaCha8([32]byte{byte(seed), byte(seed >> 8)})
	_, _ = r.Read(b)
	return b
}

func (s *suite) get(t testing.TB, ctx context.Context, ref store.Ref, off, n int) []byte {
	t.Helper()
	b, err := s.Get(ctx, ref, off, n)
	require.NoError(t, err)
	defer b.Release()
	return bytes.Join(b.Parts(), nil)
}

func (s *suite) testBlobs(t *testing.T) {
	ctx := deadline(t)
	owner := store.Owner{NS: s.namespace(t), Key: []byte("k")}
	ids := make(map[store.BlobID]bool)
	for i, size := range []int{1, 2, 4095, 4096, 4097, 100_000, 1 << 20, 5<<20 + 123, store.MaxBlob} {
		data := random(uint64(i), size)
		p, err := s.Put(ctx, owner, store.ClassStandard, bytes.Clone(data))
		require.NoError(t, err)
		require.EqualValues(t, size, p.Len)
		require.False(t, ids[p.Blob], "ids are unique")
		ids[p.Blob] = true

		require.True(t, bytes.Equal(data, s.get(t, ctx, p.Ref, 0, size)), "%d bytes", size)
		r := rand.New(rand.NewPCG(uint64(size), 1))
		for range 10 {
			off := r.IntN(size)
			n := r.IntN(size-off) + 1
			require.True(t, bytes.Equal(data[off:off+n], s.get(t, ctx, p.Ref, off, n)), "[%d, %d) of %d", off, off+n, size)
		}
		require.Equal(t, data[size-1:], s.get(t, ctx, p.Ref, size-1, 1))
	}
}

func (s *suite) testBlobsRefused(t *testing.T) {
	ctx := deadline(t)
	owner := store.Owner{NS: s.namespace(t), Key: []byte("k")}
	_, err := s.Put(ctx, owner, store.ClassStandard, nil)
	requireKind(t, store.KindInvalid, err)
	_, err = s.Put(ctx, owner, store.ClassStandard, make([]byte, store.MaxBlob+1))
	requireKind(t, store.KindInvalid, err)

	p, err := s.Put(ctx, owner, store.ClassStandard, []byte("data"))
	require.NoError(t, err)
	unknown := p.Ref
	unknown.Blob = store.MakeBlobID(p.Blob.PG(), p.Blob.Created(), p.Blob.Writer(), p.Blob.Seq()+1<<30)
	_, err = s.Get(ctx, unknown, 0, 1)
	requireKind(t, store.KindNotFound, err)

	gone, cancel := context.WithCancel(ctx)
	cancel()
	_, err = s.Get(gone, p.Ref, 0, 1)
	requireKind(t, store.KindCanceled, err)
}

func (s *suite) testBuffers(t *testing.T) {
	ctx := deadline(t)
	owner := store.Owner{NS: s.namespace(t), Key: []byte("k")}
	for _, n := range []int{1, 1000, 1 << 20, store.MaxBlob} {
		b := s.Buffer(n)
		require.Len(t, b, n)
		data := random(uint64(n), n)
		copy(b, data)
		p, err := s.Put(ctx, owner, store.ClassStandard, b)
		require.NoError(t, err)
		require.True(t, bytes.Equal(data, b), "Put leaves the payload as it was")
		clear(b)
		s.FreeBuffer(b[:0])
		require.True(t, bytes.Equal(data, s.get(t, ctx, p.Ref, 0, n)), "the blob does not share the buffer")
	}
}

func (s *suite) testBlobsConcurrent(t *testing.T) {
	ctx := deadline(t)
	ns := s.namespace(t)
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for j := range 4 {
				data := random(uint64(i*100+j), 1000*(i+1)+j)
				p, err := s.Put(ctx, store.Owner{NS: ns, Key: []byte{byte(i)}}, store.ClassStandard, bytes.Clone(data))
				if err != nil {
					t.Errorf("put: %v", err)
					return
				}
				b, err := s.Get(ctx, p.Ref, 0, len(data))
				if err != nil || !bytes.Equal(data, bytes.Join(b.Parts(), nil)) {
					t.Errorf("get: %v", err)
					return
				}
				b.Release()
			}
		})
	}
	wg.Wait()
}

func (s *suite) testReferences(t *testing.T) {
	ctx := deadline(t)
	key := []byte("k")
	owner := store.Owner{NS: s.namespace(t), Key: key}
	put := func(text string) store.Placed {
		p, err := s.Put(ctx, owner, store.ClassStandard, []byte(text))
		require.NoError(t, err)
		return p
	}
	bind := func(receipts []store.Placed, refs ...store.Ref) error {
		_, err := s.Do(ctx, owner.NS, key, request(opBind, key, store.AppendRefs(nil, refs)), receipts...)
		return err
	}
	a, b := put("aa"), put("bb")
	require.NoError(t, bind([]store.Placed{a}, a.Ref))
	require.Error(t, bind(nil, b.Ref), "a blob without a receipt is refused")
	require.Equal(t, []byte("aa"), s.get(t, ctx, a.Ref, 0, 2), "the refused command freed nothing")

	require.NoError(t, bind([]store.Placed{b}, b.Ref))
	require.Equal(t, []byte("bb"), s.get(t, ctx, b.Ref, 0, 2))
	require.Equal(t, []byte("aa"), s.get(t, ctx, a.Ref, 0, 2), "an unreferenced blob stays readable for a while")
}
