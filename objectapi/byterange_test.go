package objectapi

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// FuzzRange checks that whatever a Range header says, what is asked of the
// machine and what is told to the client are the same bytes of the object.
func FuzzRange(f *testing.F) {
	for _, s := range []string{"bytes=0-1", "bytes=-5", "bytes=3-", "bytes=9223372036854775807-", "bytes=0-9223372036854775807", "bytes=a-b", "items=1-2"} {
		f.Add(s, int64(10))
	}
	f.Fuzz(func(t *testing.T, s string, size int64) {
		if size < 0 {
			return
		}
		r := parseRange(s)
		off, n, err := r.clip(size)
		if err != nil {
			require.True(t, r.given)
			return
		}
		require.True(t, off >= 0 && n >= 0 && off+n <= size, "%d+%d of %d", off, n, size)
		require.True(t, n > 0 || size == 0 || !r.given)
		w := r.window()
		switch {
		case w.Suffix > 0:
			require.Equal(t, size-min(w.Suffix, size), off)
		case w.Len >= 0:
			require.Equal(t, w.Off, off)
			require.Equal(t, min(w.Len, size-off), n)
		default:
			require.Equal(t, w.Off, off)
			require.Equal(t, size-off, n)
		}
	})
}
