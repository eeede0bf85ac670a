package config_test

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"cairn/node/config"
)

// The example that users copy is a valid configuration.
func TestExampleLoads(t *testing.T) {
	cfg, err := config.Load(config.Source{File: filepath.Join("..", "..", "deploy", "node.example.yaml")})
	require.NoError(t, err)
	require.Equal(t, "a1", cfg.Name)
	require.Equal(t, 6, cfg.Expect)
	require.Len(t, cfg.Disks, 2)
	require.Equal(t, 10*time.Minute, cfg.DownOut)
}
