package e2e

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"cairn/internal/testproc"
)

func newRclone(t *testing.T, c *testproc.Cluster, node string) *tool {
	t.Helper()
	r := newTool(t, c, "rclone")
	r.env = append(r.env,
		"RCLONE_CONFIG_CAIRN_TYPE=s3", "RCLONE_CONFIG_CAIRN_PROVIDER=Other", "RCLONE_CONFIG_CAIRN_ENV_AUTH=true",
		"RCLONE_CONFIG_CAIRN_ENDPOINT="+c.Node(node).S3, "RCLONE_CONFIG_CAIRN_REGION="+region,
		"RCLONE_S3_UPLOAD_CUTOFF=5M", "RCLONE_S3_CHUNK_SIZE=5M",
	)
	return r
}

func testRclone(t *testing.T, c *testproc.Cluster, node string) {
	r := newRclone(t, c, node)
	up, down := t.TempDir(), t.TempDir()
	makeTree(t, up)
	r.run(t, "mkdir", "cairn:rclone")
	r.run(t, "sync", up, "cairn:rclone/tree")
	r.run(t, "check", "--download", up, "cairn:rclone/tree")
	r.run(t, "sync", "cairn:rclone/tree", down)
	requireSame(t, up, down)

	writeFile(t, filepath.Join(down, "blob"), 6<<20) // smaller now
	require.NoError(t, os.Remove(filepath.Join(down, "one")))
	r.run(t, "sync", down, "cairn:rclone/tree")
	r.run(t, "check", down, "cairn:rclone/tree")
	_, _, err := r.try(t, "check", up, "cairn:rclone/tree")
	require.Error(t, err, "the first tree differs now")
	r.run(t, "purge", "cairn:rclone")
}
