package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"cairn/internal/testproc"
)

// awsCLI is the AWS command line at one gateway. Over https it trusts the
// gateway's self-signed certificate by AWS_CA_BUNDLE.
type awsCLI struct {
	*tool
	cluster *testproc.Cluster
	bucket  string
}

func newAWS(t *testing.T, c *testproc.Cluster, node string) *awsCLI {
	t.Helper()
	a := newTool(t, c, "aws")
	a.env = append(a.env, "AWS_ENDPOINT_URL="+c.Node(node).S3, "AWS_CA_BUNDLE="+c.CertFile(), "AWS_PAGER=")
	a.args = []string{"--endpoint-url", c.Node(node).S3}
	return &awsCLI{tool: a, cluster: c, bucket: "aws-" + node}
}

// s3 runs an aws s3 command quietly; what it prints is an error.
func (a *awsCLI) s3(t *testing.T, args ...string) {
	t.Helper()
	out := a.run(t, append(append([]string{"s3"}, args...), "--only-show-errors")...)
	require.Empty(t, out, "aws s3 %s", strings.Join(args, " "))
}

func testAWS(t *testing.T, a *awsCLI, large int) {
	url := "s3://" + a.bucket
	a.run(t, "s3", "mb", url)
	t.Run("large", func(t *testing.T) { a.copies(t, url, large) })
	t.Run("sync", func(t *testing.T) { a.syncs(t, url) })
	t.Run("presign", func(t *testing.T) { a.presigns(t, url) })
	t.Run("remove", func(t *testing.T) { a.removes(t, url) })
}

// copies sends one file in parts and gets it back.
func (a *awsCLI) copies(t *testing.T, url string, size int) {
	dir := t.TempDir()
	writeFile(t, filepath.Join(dir, "up", "large"), size)
	a.s3(t, "cp", filepath.Join(dir, "up", "large"), url+"/large")
	a.s3(t, "cp", url+"/large", filepath.Join(dir, "down", "large"))
	requireSame(t, filepath.Join(dir, "up"), filepath.Join(dir, "down"))
	a.s3(t, "cp", url+"/large", url+"/copied") // on the server, by parts
	a.s3(t, "cp", url+"/copied", filepath.Join(dir, "copied", "large"))
	requireSame(t, filepath.Join(dir, "up"), filepath.Join(dir, "copied"))
}

// syncs keeps a tree and a prefix the same, both ways.
func (a *awsCLI) syncs(t *testing.T, url string) {
	up, down := t.TempDir(), t.TempDir()
	makeTree(t, up)
	a.s3(t, "sync", up, url+"/tree")
	a.s3(t, "sync", url+"/tree", down)
	requireSame(t, up, down)

	again := a.run(t, "s3", "sync", up, url+"/tree", "--no-progress")
	require.Empty(t, again, "nothing has changed, and nothing is sent")

	require.NoError(t, os.RemoveAll(filepath.Join(up, "dir")))
	writeFile(t, filepath.Join(up, "new"), 70_000)
	a.s3(t, "sync", "--delete", up, url+"/tree")
	a.s3(t, "sync", "--delete", url+"/tree", down)
	requireSame(t, up, down)
}

// presigns makes an address that needs no keys.
func (a *awsCLI) presigns(t *testing.T, url string) {
	file := filepath.Join(t.TempDir(), "page")
	require.NoError(t, os.WriteFile(file, []byte("for whoever has the address"), 0o644))
	a.run(t, "configure", "set", "default.s3.signature_version", "s3v4") // the default of version 1 is older
	a.s3(t, "cp", file, url+"/päge & more")
	address := strings.TrimSpace(a.run(t, "s3", "presign", url+"/päge & more", "--expires-in", "60"))
	require.Equal(t, "for whoever has the address", fetch(t, a.cluster, address))

	curl := newTool(t, a.cluster, "curl")
	_, _, err := curl.try(t, "--silent", "--fail", "--cacert", a.cluster.CertFile(), strings.Replace(address, "Signature=", "Signature=0", 1))
	require.Error(t, err, "another signature is refused")
}

// removes empties the bucket and removes it.
func (a *awsCLI) removes(t *testing.T, url string) {
	_, errw, err := a.try(t, "s3", "rb", url)
	require.Error(t, err)
	require.Contains(t, errw, "BucketNotEmpty")
	a.s3(t, "rm", url+"/large")
	a.s3(t, "rm", "--recursive", url)
	require.Empty(t, a.run(t, "s3", "ls", "--recursive", url))
	a.run(t, "s3", "rb", url)
}

// testAWSHostileKeys takes keys that paths, URLs and XML stumble over through
// the command line, which must list them as they are.
func testAWSHostileKeys(t *testing.T, a *awsCLI) {
	a.run(t, "s3", "mb", "s3://"+a.bucket)
	dir := t.TempDir()
	for i, key := range []string{"../a//b/./c ", "<k>&amp;\"'%2e%00", "日本語/🙂+ü"} {
		up, down := filepath.Join(dir, "up"), filepath.Join(dir, "down")
		require.NoError(t, os.WriteFile(up, random(byte(i), 100+i), 0o644))
		a.run(t, "s3api", "put-object", "--bucket", a.bucket, "--key", key, "--body", up)
		a.run(t, "s3api", "get-object", "--bucket", a.bucket, "--key", key, down)
		require.Equal(t, sums(t, dir)["up"], sums(t, dir)["down"], key)
		listed := a.run(t, "s3api", "list-objects-v2", "--bucket", a.bucket, "--prefix", key, "--query", "Contents[].Key", "--output", "text")
		require.Equal(t, key, strings.TrimSuffix(listed, "\n"))
	}
	a.s3(t, "rm", "--recursive", "s3://"+a.bucket)
	a.run(t, "s3", "rb", "s3://"+a.bucket)
}
