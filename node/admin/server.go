package admin

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"cairn/iam"
	"cairn/internal/durable"
	"cairn/node"
)

// Cell is what dev mode can do to its nodes; package local implements it.
type Cell interface {
	Kill(node string) error
	Start(node string) error
	Zone(zone string) ([]string, error)
}

// Config is what the server needs.
type Config struct {
	Addr string
	Dir  string // for admin.json and admin-token
	// Nodes returns the nodes of the process that are ready, the one to ask
	// first.
	Nodes func() []*node.Node
	// Cell is nil but in dev mode.
	Cell     Cell
	IAM      *iam.Service
	Gatherer prometheus.Gatherer
	Logger   *slog.Logger
}

// Server is a running server.
type Server struct {
	cfg      Config
	token    string
	open     bool // no token is needed
	listener net.Listener
	server   *http.Server
	served   chan error
}

const drainTime = 5 * time.Second

// Start takes the address, writes admin.json and begins to serve.
func Start(cfg Config) (*Server, error) {
	l, err := net.Listen("tcp", cfg.Addr)
	if err != nil {
		return nil, fmt.Errorf("listen for the admin API: %w (is another cairn running? choose an address with --admin)", err)
	}
	s := &Server{cfg: cfg, listener: l, served: make(chan error, 1)}
	s.open = cfg.Cell != nil && isLoopback(l.Addr())
	s.token, err = ensureToken(filepath.Join(cfg.Dir, "admin-token"))
	if err == nil {
		err = s.Announce("")
	}
	if err != nil {
		return nil, errors.Join(err, l.Close())
	}
	s.server = &http.Server{
		Handler: s.guard(s.routes()), ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute,
		ErrorLog: slog.NewLogLogger(cfg.Logger.Handler(), slog.LevelWarn),
	}
	go func() { s.served <- s.server.Serve(l) }()
	return s, nil
}

// URL returns where the server listens.
func (s *Server) URL() string { return "http://" + s.listener.Addr().String() }

// Close ends the server.
func (s *Server) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), drainTime)
	defer cancel()
	err := s.server.Shutdown(ctx)
	if err != nil { // a long profile, say: it is cut off
		err = s.server.Close()
	}
	if serr := <-s.served; !errors.Is(serr, http.ErrServerClosed) {
		err = errors.Join(err, serr)
	}
	return errors.Join(err, os.Remove(filepath.Join(s.cfg.Dir, AnnounceFile)))
}

// AnnounceFile is the name of the file in a node's directory that tells where its
// admin API is.
const AnnounceFile = "admin.json"

// Announcement is the contents of admin.json.
type Announcement struct {
	URL   string `json:"url"`
	Token string `json:"token"`
	S3    string `json:"s3,omitempty"` // once S3 is served
	PID   int    `json:"pid"`
}

// Announce writes admin.json, with the address of S3 once that is served.
func (s *Server) Announce(s3 string) error {
	b, err := json.Marshal(Announcement{URL: s.URL(), Token: s.token, S3: s3, PID: os.Getpid()})
	if err != nil {
		return err
	}
	return durable.WriteFile(filepath.Join(s.cfg.Dir, AnnounceFile), append(b, '\n'), 0o600)
}
