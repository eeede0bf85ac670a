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
// S3 and the admin API.
type services struct {
	admin   *admin.Server
	gateway *gateway.Server
	iam     *iam.Service
}

// servicesConfig says what to offer; an empty address is not served.
type servicesConfig struct {
	dir        string
	s3, admin  string
	cert       *gateway.Certificate
	region     string
	domains    []string
	store      store.Store
	clusterKey [32]byte
	api        admin.Config // all but Addr, Dir and IAM
	requests   *slog.Logger // gets a line a request
	registry   *prometheus.Registry
}

// startServices starts the admin API, then S3. What it started is stopped again
// if it fails.
func startServices(cfg servicesConfig) (s *services, err error) {
	s = &services{iam: iam.New(cfg.store, cfg.clusterKey)}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.Close())
		}
	}()
	if cfg.admin != "" {
		api := cfg.api
		api.Addr, api.Dir, api.IAM, api.Gatherer = cfg.admin, cfg.dir, s.iam, cfg.registry
		if s.admin, err = admin.Start(api); err != nil {
			return s, err
		}
	}
	if cfg.s3 != "" {
		s.gateway, err = gateway.Start(gateway.Config{
			Addr: cfg.s3, Cert: cfg.cert, Store: cfg.store, IAM: s.iam, Region: cfg.region, Domains: cfg.domains,
			Logger: cfg.requests, Registerer: cfg.registry,
		})
	}
	return s, err
}

// rootKeys makes sure that the root user has the keys of DIR/credentials; fresh
// tells that they were made now.
func (s *services) rootKeys(ctx context.Context, dir string) (c gateway.Credentials, fresh bool, err error) {
	c, fresh, err = gateway.EnsureCredentials(filepath.Join(dir, "credentials"))
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
