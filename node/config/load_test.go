package config

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func write(t *testing.T, text string) string {
	path := filepath.Join(t.TempDir(), "node.yaml")
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	return path
}

const base = "name: a1\nzone: a\ndir: /d\nadvertise: 10.0.0.1:7400\n"

func TestLayers(t *testing.T) {
	cfg, err := Load(Source{
		File:  write(t, base+"down_out: 3m\ns3_tls: {cert: c, key: k}\ndomains: [x, y]\ndisks:\n  - path: /disk\n    class: hdd\n"),
		Env:   []string{"CAIRN_ZONE=b", "CAIRN_DOWN_OUT=4m", "CAIRN_S3_TLS_KEY=k2", "PATH=/bin", "CAIRN_ADMIN_TOKEN=x"},
		Flags: map[string]string{"zone": "c", "found": "true", "domains": "p,q"},
	})
	require.NoError(t, err)
	require.Equal(t, "a1", cfg.Name)
	require.Equal(t, "c", cfg.Zone, "flags win")
	require.Equal(t, 4*time.Minute, cfg.DownOut, "the environment wins over the file")
	require.Equal(t, TLS{Cert: "c", Key: "k2"}, cfg.S3TLS)
	require.Equal(t, []string{"p", "q"}, cfg.Domains)
	require.Equal(t, []Disk{{Path: "/disk", Class: "hdd"}}, cfg.Disks)
	require.True(t, cfg.Found)
	require.Equal(t, Default().Listen, cfg.Listen, "defaults stay")
}

func TestAllProblemsAtOnce(t *testing.T) {
	_, err := Load(Source{
		File: write(t, "nmae: a1\ns3_tls: {crt: x}\ndisks: [{pth: /d}]\ndown_out: 0s\n"),
		Env:  []string{"CAIRN_ZON=a"},
	})
	for _, want := range []string{
		`"nmae" is not a setting; did you mean "name"`, `"s3_tls.crt" is not a setting; did you mean "s3_tls.cert"`,
		`did you mean "CAIRN_ZONE"`, "name is empty", "zone is empty", "dir is empty", "down_out 0s", `pth" is not a setting`,
	} {
		require.ErrorContains(t, err, want)
	}
}

func TestDamagedFiles(t *testing.T) {
	for _, text := range []string{"a: [", "- 1\n", "\x00", "name: {a: b}\n", "disks: 7\n"} {
		_, err := Load(Source{File: write(t, text)})
		require.Error(t, err, "%q", text)
	}
	_, err := Load(Source{File: "/does/not/exist"})
	require.ErrorIs(t, err, os.ErrNotExist)
}

// TestEveryKeyReaches sets each setting by its flag, so that a field whose tag is
// wrong shows.
func TestEveryKeyReaches(t *testing.T) {
	for _, k := range Keys() {
		_, err := Load(Source{File: write(t, base), Flags: map[string]string{k.Path: "1"}})
		if err != nil {
			require.NotContains(t, err.Error(), "is not a setting", k.Path)
		}
	}
}

func TestDistance(t *testing.T) {
	word := rapid.StringOfN(rapid.RuneFrom([]rune("abc")), 0, 8, -1)
	rapid.Check(t, func(t *rapid.T) {
		a, b, c := word.Draw(t, "a"), word.Draw(t, "b"), word.Draw(t, "c")
		require.Equal(t, a == b, distance(a, b) == 0)
		require.Equal(t, distance(a, b), distance(b, a))
		require.LessOrEqual(t, distance(a, c), distance(a, b)+distance(b, c))
		require.LessOrEqual(t, distance(a, a+b), len(b))
	})
}
