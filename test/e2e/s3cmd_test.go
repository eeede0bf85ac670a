package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"cairn/internal/testproc"
)

func testS3cmd(t *testing.T, c *testproc.Cluster, node string) {
	s := newTool(t, c, "s3cmd")
	keys, err := c.Keys()
	require.NoError(t, err)
	host := strings.TrimPrefix(c.Node(node).S3, "http://")
	s.args = []string{
		"--config", filepath.Join(t.TempDir(), "none"), "--no-ssl", "--no-progress", "--host", host, "--host-bucket", host,
		"--access_key", keys.AccessKey, "--secret_key", keys.Secret, "--region", region,
	}
	s.run(t, "mb", "s3://s3cmd")
	dir := t.TempDir()
	writeFile(t, filepath.Join(dir, "up", "small"), 1)
	writeFile(t, filepath.Join(dir, "up", "parts"), 22<<20)
	writeFile(t, filepath.Join(dir, "up", "tree", "ünï code & more"), 5000)

	s.run(t, "put", "--recursive", "--multipart-chunk-size-mb=5", filepath.Join(dir, "up")+"/", "s3://s3cmd/x/")
	require.Contains(t, s.run(t, "ls", "--recursive", "s3://s3cmd"), "s3://s3cmd/x/tree/ünï code & more\n")
	require.NoError(t, os.Mkdir(filepath.Join(dir, "down"), 0o755))
	s.run(t, "get", "--recursive", "s3://s3cmd/x/", filepath.Join(dir, "down")+"/")
	requireSame(t, filepath.Join(dir, "up"), filepath.Join(dir, "down"))

	requireOldSignatureRefused(t, c, strings.TrimSpace(s.run(t, "signurl", "s3://s3cmd/x/small", "+60")))
	s.run(t, "del", "s3://s3cmd/x/small")
	s.run(t, "del", "--recursive", "--force", "s3://s3cmd")
	require.Empty(t, s.run(t, "ls", "--recursive", "s3://s3cmd"))
	s.run(t, "rb", "s3://s3cmd")
}

// requireOldSignatureRefused: s3cmd signs addresses with Signature Version 2,
// which is refused by design, as S3 does in every region since 2014. What
// matters is that the answer says so.
func requireOldSignatureRefused(t *testing.T, c *testproc.Cluster, address string) {
	t.Helper()
	out, _, err := newTool(t, c, "curl").try(t, "--silent", address)
	require.NoError(t, err)
	require.Contains(t, out, "<Code>InvalidRequest</Code>")
	require.Contains(t, out, "AWS4-HMAC-SHA256")
}
