package uri

import (
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestSplit(t *testing.T) {
	for target, want := range map[string][2]string{
		"/":                    {"/", ""},
		"/b//a/../x?list&a=b?": {"/b//a/../x", "list&a=b?"},
		"http://h:1/b/k?q":     {"/b/k", "q"},
		"http://h":             {"/", ""},
		"http://h?q":           {"/", "q"},
		"*":                    {"/", ""},
		"/b/http://x":          {"/b/http://x", ""},
	} {
		path, query := Split(target)
		require.Equal(t, want, [2]string{path, query}, target)
	}
}

func TestEncodingRoundTrips(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := string(rapid.SliceOf(rapid.Byte()).Draw(t, "bytes"))
		path, err := Decode(string(AppendEncodedPath(nil, s)))
		require.NoError(t, err)
		require.Equal(t, s, path)
		form, err := DecodeForm(string(AppendEncoded(nil, s)))
		require.NoError(t, err)
		require.Equal(t, s, form)
	})
	require.Equal(t, "/a%20b/%C3%BC%2B~%21%28%29.txt", string(AppendEncodedPath(nil, "/a b/ü+~!().txt")))
	for _, bad := range []string{"%", "%1", "a%zz", "%1g"} {
		_, err := Decode(bad)
		require.Error(t, err, bad)
	}
}

func TestQuery(t *testing.T) {
	q, err := ParseQuery("prefix=a+b%2Bc&&uploads&X-Amz-Signature=s&a=2&a=1&a-b=0")
	require.NoError(t, err)
	require.Equal(t, "a b+c", q.Get("prefix"))
	require.True(t, q.Has("uploads"))
	require.False(t, q.Has("upload"))
	require.Equal(t, "a=1&a=2&a-b=0&prefix=a%20b%2Bc&uploads=", string(q.AppendCanonical(nil, "X-Amz-Signature")))
	_, err = ParseQuery("a=%q")
	require.Error(t, err)
}

func FuzzParseQuery(f *testing.F) {
	f.Add("prefix=a+b%2Bc&&uploads&a=2")
	f.Fuzz(func(t *testing.T, raw string) {
		q, err := ParseQuery(raw)
		if err != nil {
			return
		}
		// The canonical form parses to the same parameters, sorted.
		again, err := ParseQuery(string(q.AppendCanonical(nil, "\xff none")))
		require.NoError(t, err)
		require.Len(t, again, len(q))
	})
}
