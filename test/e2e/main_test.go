package e2e

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"cairn/internal/testproc"
)

var long = flag.Bool("long", false, "also test what takes long: objects of 5 GiB, larger trees, and the memory that they need")

// cairnBinary is the product, built once.
var cairnBinary string

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	flag.Parse()
	dir, err := os.MkdirTemp("", "cairn-e2e-")
	if err == nil {
		defer os.RemoveAll(dir)
		cairnBinary, err = testproc.Build(context.Background(), dir)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return m.Run()
}

// startCluster starts six nodes, which end with the test.
func startCluster(t *testing.T, o testproc.Options) *testproc.Cluster {
	t.Helper()
	o.Binary, o.Dir = cairnBinary, t.TempDir()
	began := time.Now()
	c, err := testproc.Start(t.Context(), o)
	require.NoError(t, err)
	t.Logf("six nodes serve after %v", time.Since(began).Round(10*time.Millisecond))
	t.Cleanup(func() {
		c.Close()
		if t.Failed() {
			keepLogs(t, c)
		}
	})
	return c
}

// keepLogs saves the nodes' logs outside the test's directory.
func keepLogs(t *testing.T, c *testproc.Cluster) {
	name := strings.ReplaceAll(t.Name(), "/", "-") + time.Now().Format("-150405")
	dir := filepath.Join(os.TempDir(), "cairn-e2e-logs", name)
	if err := c.SaveLogs(dir); err != nil {
		t.Logf("the logs were not saved: %v", err)
		return
	}
	t.Logf("the logs of the nodes are in %s", dir)
}
