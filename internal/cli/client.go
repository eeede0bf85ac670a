package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"cairn/node/admin"
	"cairn/store"
)

// client calls the admin API.
type client struct {
	base  string
	token string
	where string // how the cluster was found, for errors
	dir   string // the directory it was found in, if it was
	s3    string // the address of S3, if the directory told it
	http  *http.Client
}

// defaultDir is where `cairn dev` keeps its data, and where other commands look
// for a cluster.
const defaultDir = "./cairn-data"

// callTime bounds a call of the admin API.
const callTime = 60 * time.Second

// client finds the cluster.
func (g *global) client() (*client, error) {
	at, how := g.admin, "--admin"
	if at == "" {
		at, how = os.Getenv("CAIRN_ADMIN"), "CAIRN_ADMIN"
	}
	if at == "" {
		at, how = defaultDir, defaultDir
	}
	c := &client{where: how, http: &http.Client{Timeout: callTime}}
	if st, err := os.Stat(at); err == nil && st.IsDir() || how == defaultDir {
		return c, c.readDir(at)
	}
	if !strings.Contains(at, "://") {
		at = "http://" + at
	}
	u, err := url.Parse(at)
	if err != nil || u.Host == "" {
		return nil, usagef("%s: %q is neither an address nor a directory", how, at)
	}
	c.base, c.token = "http://"+u.Host, os.Getenv("CAIRN_ADMIN_TOKEN")
	if u.Scheme == "https" {
		c.base = "https://" + u.Host
	}
	return c, nil
}

// readDir reads where the server of a directory is.
func (c *client) readDir(dir string) error {
	path := filepath.Join(dir, admin.AnnounceFile)
	b, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return &store.Error{
			Op: "find the cluster", Kind: store.KindUnavailable, Resource: dir, Err: errors.New("no cairn runs there"),
			Hint: "start one with `cairn dev`, or name another with --admin or CAIRN_ADMIN",
		}
	}
	if err != nil {
		return err
	}
	var a admin.Announcement
	if err := json.Unmarshal(b, &a); err != nil {
		return fmt.Errorf("read %s: %w", path, err)
	}
	c.base, c.token, c.s3, c.dir = a.URL, a.Token, a.S3, dir
	return nil
}

// get and post call the API and decode its answer into out, if that is not nil.
func (c *client) get(ctx context.Context, path string, out any) error {
	return c.call(ctx, http.MethodGet, path, nil, out)
}

func (c *client) post(ctx context.Context, path string, in, out any) error {
	return c.call(ctx, http.MethodPost, path, in, out)
}

func (c *client) delete(ctx context.Context, path string, out any) error {
	return c.call(ctx, http.MethodDelete, path, nil, out)
}

func (c *client) call(ctx context.Context, method, path string, in, out any) error {
	var body io.Reader
	if in != nil {
		b, err := json.Marshal(in)
		if err != nil {
			return err
		}
		body = bytes.NewReader(b)
	}
	req, err := http.NewRequestWithContext(ctx, method, c.base+path, body)
	if err != nil {
		return err
	}
	if c.token != "" {
		req.Header.Set("Authorization", "Bearer "+c.token)
	}
	resp, err := c.http.Do(req)
	if err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return &store.Error{
			Op: "call the admin API", Kind: store.KindUnavailable, Resource: c.base + " (from " + c.where + ")", Err: errors.Unwrap(err),
			Hint: "is it running? name another with --admin or CAIRN_ADMIN",
		}
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		return fmt.Errorf("read the answer of %s: %w", c.base, err)
	}
	if resp.StatusCode != http.StatusOK {
		return remoteError(resp, b)
	}
	if out == nil {
		return nil
	}
	if err := json.Unmarshal(b, out); err != nil {
		return fmt.Errorf("read the answer of %s%s: %w (is it the admin API?)", c.base, path, err)
	}
	return nil
}

// saidError is an error that the server has worded in full.
type saidError struct {
	text string
	kind store.ErrKind
}

func (e *saidError) Error() string { return e.text }

// Unwrap gives the kind to [exitCode].
func (e *saidError) Unwrap() error { return &store.Error{Kind: e.kind} }

func remoteError(resp *http.Response, b []byte) error {
	var body admin.ErrorBody
	if json.Unmarshal(b, &body) != nil || body.Error == "" {
		return fmt.Errorf("%s answered %s (is it the admin API?)", resp.Request.URL, resp.Status)
	}
	return &saidError{text: body.Error, kind: store.ErrKind(body.Kind)}
}
