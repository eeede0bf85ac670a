package meta

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"cairn/store"
)

// bytesGen draws keys in which the escape bytes are frequent.
func bytesGen() *rapid.Generator[[]byte] {
	return rapid.SliceOfN(rapid.SampledFrom([]byte{0, 1, 0xFE, 0xFF, 'a', '/'}), 0, 6)
}

func TestRowKeysKeepOrderAndComeBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		k1, s1 := bytesGen().Draw(t, "k1"), bytesGen().Draw(t, "s1")
		k2, s2 := bytesGen().Draw(t, "k2"), bytesGen().Draw(t, "s2")
		a, b := rowKey(0x10, 7, k1, s1), rowKey(0x10, 7, k2, s2)
		want := bytes.Compare(k1, k2)
		if want == 0 {
			want = bytes.Compare(s1, s2)
		}
		require.Equal(t, want, bytes.Compare(a, b))

		key, suffix, _, err := splitKey(a[9:], nil)
		require.NoError(t, err)
		require.True(t, bytes.Equal(k1, key) && bytes.Equal(s1, suffix))
	})
}

// All rows of a key, and no row of a smaller one, are at or behind its bound.
func TestBoundsSeparateKeys(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		bound, k := bytesGen().Draw(t, "bound"), bytesGen().Draw(t, "k")
		row := rowKey(0x10, 7, k, bytesGen().Draw(t, "suffix"))
		require.Equal(t, bytes.Compare(k, bound) >= 0, bytes.Compare(row, boundKey(0x10, 7, bound)) >= 0)
	})
}

func TestDamagedRowKeysAreRefused(t *testing.T) {
	for _, k := range []string{"", "abc", "a\x00", "a\x00\x02x"} {
		_, _, _, err := splitKey([]byte(k), nil)
		require.True(t, store.Is(err, store.KindCorrupt), "%q", k)
	}
}
