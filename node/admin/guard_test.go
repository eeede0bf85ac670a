package admin_test

import (
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"cairn/iam"
	"cairn/node"
	"cairn/node/admin"
	"cairn/store/memstore"
)

// cell is a cell without nodes.
type cell struct{}

func (cell) Kill(string) error             { return nil }
func (cell) Start(string) error            { return errors.New("it does not start") }
func (cell) Zone(string) ([]string, error) { return []string{"a1", "a2"}, nil }

func start(t *testing.T, dev bool) (s *admin.Server, token string) {
	dir := t.TempDir()
	cfg := admin.Config{
		Addr: "127.0.0.1:0", Dir: dir, Nodes: func() []*node.Node { return nil },
		IAM: iam.New(memstore.New(), [32]byte{1}), Logger: slog.New(slog.DiscardHandler),
	}
	if dev {
		cfg.Cell = cell{}
	}
	s, err := admin.Start(cfg)
	require.NoError(t, err)
	t.Cleanup(func() {
		require.NoError(t, s.Close())
		require.NoFileExists(t, filepath.Join(dir, admin.AnnounceFile))
	})
	b, err := os.ReadFile(filepath.Join(dir, admin.AnnounceFile))
	require.NoError(t, err)
	var a admin.Announcement
	require.NoError(t, json.Unmarshal(b, &a))
	require.Equal(t, s.URL(), a.URL)
	for _, secret := range []string{admin.AnnounceFile, "admin-token"} {
		st, err := os.Stat(filepath.Join(dir, secret))
		require.NoError(t, err)
		require.Equal(t, os.FileMode(0o600), st.Mode().Perm())
	}
	return s, a.Token
}

func call(t *testing.T, s *admin.Server, method, path, body string, change func(*http.Request)) (int, string) {
	req, err := http.NewRequest(method, s.URL()+path, strings.NewReader(body))
	require.NoError(t, err)
	if change != nil {
		change(req)
	}
	resp, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	return resp.StatusCode, string(b)
}

func TestServerNeedsToken(t *testing.T) {
	s, token := start(t, false)
	bearer := func(v string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+v) }
	}
	for _, path := range []string{"/v1/status", "/v1/iam/users", "/metrics", "/debug/pprof/", "/nothing"} {
		code, _ := call(t, s, "GET", path, "", nil)
		require.Equal(t, http.StatusForbidden, code, path)
		code, _ = call(t, s, "GET", path, "", bearer(token[1:]))
		require.Equal(t, http.StatusForbidden, code, path)
	}
	code, body := call(t, s, "GET", "/v1/iam/users", "", bearer(token))
	require.Equal(t, http.StatusOK, code)
	require.Equal(t, "[]\n", body)
	code, _ = call(t, s, "GET", "/healthz", "", nil)
	require.Equal(t, http.StatusOK, code)
	code, _ = call(t, s, "GET", "/readyz", "", nil)
	require.Equal(t, http.StatusServiceUnavailable, code)
	code, _ = call(t, s, "POST", "/v1/nodes/a1/kill", "", bearer(token))
	require.Equal(t, http.StatusBadRequest, code, "only dev kills nodes")
}

func TestDevRefusesWebPages(t *testing.T) {
	s, _ := start(t, true)
	code, _ := call(t, s, "POST", "/v1/zones/a/kill", "", nil)
	require.Equal(t, http.StatusOK, code)
	code, _ = call(t, s, "POST", "/v1/zones/a/kill", "", func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "cross-site") })
	require.Equal(t, http.StatusForbidden, code)
	code, _ = call(t, s, "POST", "/v1/zones/a/kill", "", func(r *http.Request) { r.Header.Set("Origin", "http://evil.example") })
	require.Equal(t, http.StatusForbidden, code)
	code, _ = call(t, s, "GET", "/v1/iam/keys", "", func(r *http.Request) { r.Host = "evil.example:9001" })
	require.Equal(t, http.StatusForbidden, code, "a name that resolves to this machine is not this machine")
	code, _ = call(t, s, "GET", "/v1/iam/keys", "", func(r *http.Request) { r.Host = "localhost" })
	require.Equal(t, http.StatusOK, code)
}

func TestErrorsKeepTheirKind(t *testing.T) {
	s, _ := start(t, true)
	for _, c := range []struct {
		method, path, body string
		code               int
	}{
		{"POST", "/v1/iam/users", `{"name":"bob"}`, 200},
		{"POST", "/v1/iam/users", `{"name":"bob"}`, 409},
		{"POST", "/v1/iam/users", `{"nmae":"bob"}`, 400},
		{"POST", "/v1/iam/users", `{`, 400},
		{"POST", "/v1/iam/users", `"` + strings.Repeat("x", 1<<17) + `"`, 400},
		{"POST", "/v1/iam/keys", `{"user":"nobody"}`, 404},
		{"DELETE", "/v1/iam/users/nobody", "", 404},
		{"DELETE", "/v1/iam/users/bob", "", 200},
		{"POST", "/v1/nodes/a1/eat", "", 404},
		{"POST", "/v1/nodes/a1/start", "", 500},
		{"POST", "/v1/token", `{"valid_s":0}`, 400},
		{"GET", "/v1/status", "", 503},
		{"GET", "/v2", "", 404},
	} {
		code, body := call(t, s, c.method, c.path, c.body, nil)
		require.Equal(t, c.code, code, "%s %s: %s", c.method, c.path, body)
		if code != 200 {
			var e admin.ErrorBody
			require.NoError(t, json.Unmarshal([]byte(body), &e))
			require.NotEmpty(t, e.Error)
		}
	}
}
