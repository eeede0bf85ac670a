package e2e

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"cairn/internal/testproc"
)

// A cluster forms, is healthy by itself, stops in order, and is there again with
// its data when it is started.
func TestStartStopStart(t *testing.T) {
	c := startCluster(t, testproc.Options{})
	waitClean(t, c.Node("b2"), 30*time.Second)
	s := newSDK(t, c, "a1")
	s.createBucket(t, "kept")
	s.put(t, "kept", "object", []byte("still there"))
	require.NoError(t, c.Stop())

	began := time.Now()
	require.NoError(t, c.StartAll(t.Context()))
	t.Logf("six nodes serve again after %v", time.Since(began).Round(10*time.Millisecond))
	require.Equal(t, "still there", string(newSDK(t, c, "c2").get(t, "kept", "object")))
}
