package e2e

import (
	"testing"

	"github.com/stretchr/testify/require"

	"cairn/internal/testproc"
)

// Every client against one cluster: a1 speaks http, b1 https.
func TestClients(t *testing.T) {
	c := startCluster(t, testproc.Options{HTTPS: []string{"b1"}})
	t.Run("aws-http", func(t *testing.T) { testAWS(t, newAWS(t, c, "a1"), 100<<20) })
	t.Run("aws-https", func(t *testing.T) { testAWS(t, newAWS(t, c, "b1"), 20<<20) })
	t.Run("aws-hostile-keys", func(t *testing.T) { testAWSHostileKeys(t, newAWS(t, c, "a2")) })
	t.Run("s3cmd", func(t *testing.T) { testS3cmd(t, c, "a1") })
	t.Run("rclone", func(t *testing.T) { testRclone(t, c, "c1") })
	t.Run("restic", func(t *testing.T) { testRestic(t, c, "b2") })
	t.Run("sdk", func(t *testing.T) { testSDK(t, c) })
	t.Run("list-10000", func(t *testing.T) { testList(t, c) })
	if *long {
		testLong(t, c)
	}
	checkMemory(t, c)
	require.NoError(t, c.Stop(), "every process ends in order after all this")
}

// maxRSS is the most that a process may need, whatever the size of what passes
// through it.
const maxRSS = 512 << 20

func checkMemory(t *testing.T, c *testproc.Cluster) {
	t.Helper()
	for _, n := range c.Nodes() {
		rss, err := n.PeakRSS()
		require.NoError(t, err)
		t.Logf("node %s had %d MiB resident at most", n.Name, rss>>20)
		require.LessOrEqual(t, rss, uint64(maxRSS), n.Name)
	}
}
