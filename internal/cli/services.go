package cli

import (
	"context"
	"errors"
	"log/slog"
	"path/filepath"

	"github.com/prometheus/client_golang/prometheus"

	"cairn/iam"
	"cairn/node/admin"
	"cairn/node/gateway"
	"cairn/store"
)

// services are what a process offers to people and clients on top of its nodes:
// the admin API and S3.
type services struct {
	dir      string
	iam      *iam.Service
	registry *prometheus.Registry
	admin    *admin.Server
	gateway  *gateway.Server
}

func newServices(dir string, names store.Names, clusterKey [32]byte) *services {
	return &services{dir: dir, iam: iam.New(names, clusterKey), registry: prometheus.NewRegistry()}
}

// startAdmin needs no quorum: how a cluster is must be told above all when it is
// not well.
func (s *services) startAdmin(cfg admin.Config) (err error) {
	cfg.Dir, cfg.IAM, cfg.Gatherer = s.dir, s.iam, s.registry
	s.admin, err = admin.Start(cfg)
	return err
}

// startS3 needs a store that works.
func (s *services) startS3(cfg gateway.Config) (err error) {
	cfg.IAM, cfg.Registerer = s.iam, s.registry
	if s.gateway, err = gateway.Start(cfg); err != nil || s.admin == nil {
		return err
	}
	return s.admin.Announce(s.gateway.URL())
}

// rootKeys makes sure that the root user has the keys of DIR/credentials; fresh
// tells that they were made now.
func (s *services) rootKeys(ctx context.Context) (c gateway.Credentials, fresh bool, err error) {
	c, fresh, err = gateway.EnsureCredentials(filepath.Join(s.dir, "credentials"))
	if err != nil {
		return c, false, err
	}
	return c, fresh, s.iam.EnsureRoot(ctx, c.AccessKey, c.Secret)
}

// Close drains S3 and stops both.
func (s *services) Close() error {
	var errs []error
	if s.gateway != nil {
		errs = append(errs, s.gateway.Close())
	}
	if s.admin != nil {
		errs = append(errs, s.admin.Close())
	}
	return errors.Join(errs...)
}

// requestLog leaves out the line of each request unless everything is wanted.
func requestLog(log *slog.Logger, level string) *slog.Logger {
	if level == "debug" {
		return log
	}
	return slog.New(atLeast{log.Handler(), slog.LevelWarn})
}

// atLeast is a handler that drops what is below a level.
type atLeast struct {
	slog.Handler
	level slog.Level
}

func (h atLeast) Enabled(ctx context.Context, l slog.Level) bool {
	return l >= h.level && h.Handler.Enabled(ctx, l)
}

// logLevel reads the name of a level.
func logLevel(name string) (l slog.Level, err error) {
	if err := l.UnmarshalText([]byte(name)); err != nil {
		return l, usagef("log level %q is not debug, info, warn or error", name)
	}
	return l, nil
}
