package e2e

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"cairn/internal/testproc"
)

// tool is an S3 client that is a program of its own.
type tool struct {
	path string
	args []string // given at each call, in front
	env  []string
}

// toolTime bounds one call of a program on a machine that is busy.
func toolTime() time.Duration {
	if *long {
		return time.Hour
	}
	return 3 * time.Minute
}

// newTool finds a program. A client that is not there is not tested, and that
// must be seen: it fails the test. The program sees the keys, a home directory
// of its own, and nothing else of our environment.
func newTool(t *testing.T, c *testproc.Cluster, name string) *tool {
	t.Helper()
	path, err := exec.LookPath(name)
	require.NoError(t, err, "install %s (test/run.sh does)", name)
	keys, err := c.Keys()
	require.NoError(t, err)
	return &tool{path: path, env: []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir(), "TMPDIR=" + t.TempDir(), "LC_ALL=C.UTF-8",
		"AWS_ACCESS_KEY_ID=" + keys.AccessKey, "AWS_SECRET_ACCESS_KEY=" + keys.Secret, "AWS_DEFAULT_REGION=" + region,
		"AWS_EC2_METADATA_DISABLED=true",
	}}
}

// run calls the program, which must end with status 0, and returns its stdout.
func (c *tool) run(t *testing.T, args ...string) string {
	t.Helper()
	out, errw, err := c.try(t, args...)
	require.NoError(t, err, "%s %s\n%s%s", filepath.Base(c.path), strings.Join(args, " "), out, errw)
	return out
}

func (c *tool) try(t *testing.T, args ...string) (out, errw string, err error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), toolTime())
	defer cancel()
	cmd := exec.CommandContext(ctx, c.path, append(c.args[:len(c.args):len(c.args)], args...)...)
	var o, e bytes.Buffer
	cmd.Env, cmd.Stdout, cmd.Stderr = c.env, &o, &e
	err = cmd.Run()
	return o.String(), e.String(), err
}

// fetch reads an address as a browser would, with curl.
func fetch(t *testing.T, c *testproc.Cluster, url string) string {
	t.Helper()
	curl := newTool(t, c, "curl")
	return curl.run(t, "--silent", "--show-error", "--fail", "--cacert", c.CertFile(), url)
}
