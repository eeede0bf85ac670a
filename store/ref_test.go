package store_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"cairn/store"
)

func refGen() *rapid.Generator[store.Ref] {
	return rapid.Custom(func(t *rapid.T) store.Ref {
		return store.Ref{
			Blob: store.MakeBlobID(
				rapid.OneOf(rapid.Uint32Range(0, 3), rapid.Uint32()).Draw(t, "pg"), rapid.Uint32().Draw(t, "created"),
				rapid.Uint32().Draw(t, "writer"), rapid.Uint32().Draw(t, "seq")),
			Len: rapid.Uint32().Draw(t, "len"), CRC: rapid.Uint32().Draw(t, "crc"),
		}
	})
}

func TestRefsComeBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		refs := rapid.SliceOfN(refGen(), 0, 300).Draw(t, "refs")
		b := store.AppendRefs([]byte("x"), refs)
		got, rest, err := store.DecodeRefs(append(b[1:], "tail"...))
		require.NoError(t, err)
		require.Equal(t, "tail", string(rest))
		require.Equal(t, len(refs), len(got))
		for i := range refs {
			require.Equal(t, refs[i], got[i])
		}
	})
}

// A 5 GiB part of 640 blobs in a few placement groups stays small.
func TestRefsOfAPartAreSmall(t *testing.T) {
	var refs []store.Ref
	for i := range uint32(640) {
		refs = append(refs, store.Ref{Blob: store.MakeBlobID(i%37, 1000+i/100, 9, i), Len: store.MaxBlob, CRC: i * 0x9E3779B9})
	}
	require.Less(t, len(store.AppendRefs(nil, refs)), 8<<10)
}

func FuzzDecodeRefs(f *testing.F) {
	f.Add(store.AppendRefs(nil, []store.Ref{{Blob: store.MakeBlobID(1, 2, 3, 4), Len: 5, CRC: 6}}))
	f.Fuzz(func(t *testing.T, b []byte) {
		refs, rest, err := store.DecodeRefs(b)
		if err != nil {
			return
		}
		again, _, err := store.DecodeRefs(append(store.AppendRefs(nil, refs), rest...))
		require.NoError(t, err)
		require.Equal(t, refs, again)
	})
}
