package e2e

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"cairn/internal/testproc"
)

func newRestic(t *testing.T, c *testproc.Cluster, node, repository string) *tool {
	t.Helper()
	r := newTool(t, c, "restic")
	r.env = append(r.env, "RESTIC_REPOSITORY=s3:"+c.Node(node).S3+"/restic/"+repository, "RESTIC_PASSWORD=correct horse")
	return r
}

func testRestic(t *testing.T, c *testproc.Cluster, node string) {
	r := newRestic(t, c, node, "repository")
	src, back := t.TempDir(), t.TempDir()
	makeTree(t, src)
	r.run(t, "init")
	r.run(t, "backup", src)
	require.NoError(t, os.Remove(filepath.Join(src, "parts")))
	writeFile(t, filepath.Join(src, "new"), 300_000)
	r.run(t, "backup", src)
	r.run(t, "forget", "--keep-last", "1", "--prune")
	r.run(t, "check", "--read-data")
	r.run(t, "restore", "latest", "--target", back)
	requireSame(t, src, filepath.Join(back, src))
}
