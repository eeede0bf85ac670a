package config_test

import (
	"os"
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

// A flag beats the environment, which beats the file, which beats the default.
func TestSourcesOverrideEachOther(t *testing.T) {
	file := filepath.Join(t.TempDir(), "node.yaml")
	require.NoError(t, os.WriteFile(file, []byte("name: f\nzone: f\ndir: /f\nregion: f\nadvertise: h:1\n"), 0o600))
	cfg, err := config.Load(config.Source{
		File: file, Env: []string{"CAIRN_ZONE=e", "CAIRN_DIR=/e", "HOME=/root"}, Flags: map[string]string{"dir": "/g"},
	})
	require.NoError(t, err)
	require.Equal(t, []string{"f", "e", "/g", "f"}, []string{cfg.Name, cfg.Zone, cfg.Dir, cfg.Region})
	require.Equal(t, config.Default().S3, cfg.S3)
}

// Everything that is wrong is said at once, with the offending values.
func TestAllProblemsAreReported(t *testing.T) {
	file := filepath.Join(t.TempDir(), "node.yaml")
	require.NoError(t, os.WriteFile(file, []byte("nmae: a1\nexpect: 0\nlisten: nowhere\n"), 0o600))
	_, err := config.Load(config.Source{File: file})
	for _, want := range []string{"nmae", "name", "expect 0", `listen "nowhere"`, "zone is empty"} {
		require.ErrorContains(t, err, want)
	}
}
