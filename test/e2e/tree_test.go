package e2e

import (
	"crypto/sha256"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// treeSizes are those of the files of a tree: around what is kept inline, in
// packs and in blobs, and above what clients send in parts.
var treeSizes = map[string]int{
	"empty":                         0,
	"one":                           1,
	"dir/inline":                    4 << 10,
	"dir/inline and a little more":  4<<10 + 1,
	"dir/deep/er/100 KiB":           100 << 10,
	"dir/128 KiB":                   128 << 10,
	"dir/1 MiB and 1":               1<<20 + 1,
	"blob":                          8 << 20,
	"parts":                         18<<20 + 7,
	"日本語/ключ 🙂":                    3000,
	"odd/a+b & c=d;e,f@g:h$i":       2000,
	"odd/100%/%41%2F?x#y":           2001,
	"odd/'quoted' \"twice\" [1]{2}": 2002,
	"odd/~tilde!*()_-.":             2003,
}

// makeTree writes a tree of files under dir.
func makeTree(t *testing.T, dir string) {
	t.Helper()
	for name, size := range treeSizes {
		writeFile(t, filepath.Join(dir, name), size)
	}
}

// writeFile writes random bytes, making the directories on the way.
func writeFile(t *testing.T, path string, size int) {
	t.Helper()
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
	require.NoError(t, os.WriteFile(path, random(byte(size), size), 0o644))
}

// sums returns the sum of each file below dir by its path.
func sums(t *testing.T, dir string) map[string]string {
	t.Helper()
	out := map[string]string{}
	require.NoError(t, filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		name, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		b, err := os.ReadFile(path)
		out[name] = fmt.Sprintf("%d %x", len(b), sha256.Sum256(b))
		return err
	}))
	return out
}

// requireSame requires that two trees have the same files.
func requireSame(t *testing.T, want, got string) {
	t.Helper()
	require.Equal(t, sums(t, want), sums(t, got))
}
