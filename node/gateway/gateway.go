// Package gateway serves S3 of a process: the listener, its certificate and the
// gateway behind it. The S3 itself is package objectapi.
//
// [Start] returns when the address is taken and requests are answered. [Server.Close]
// drains: running requests get their time, new ones are sent elsewhere.
package gateway

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"cairn/iam"
	"cairn/internal/sockio"
	"cairn/objectapi"
	"cairn/store"
)

// Config is what a gateway needs.
type Config struct {
	Addr       string
	Cert       *Certificate // nil: plain HTTP
	Store      store.Store
	IAM        *iam.Service
	Region     string
	Domains    []string
	Logger     *slog.Logger
	Registerer prometheus.Registerer
}

// drainTime is what running requests get when the gateway closes.
const drainTime = 15 * time.Second

// Server is a running gateway.
type Server struct {
	gateway  *objectapi.Gateway
	server   *http.Server
	listener net.Listener
	scheme   string
	served   chan error
}

// Start begins to serve.
func Start(cfg Config) (*Server, error) {
	l, err := net.Listen("tcp", cfg.Addr)
	if err != nil {
		return nil, fmt.Errorf("listen for S3: %w (is another cairn running? choose an address with --s3)", err)
	}
	g, err := objectapi.New(objectapi.Config{
		Store: cfg.Store, IAM: cfg.IAM, Region: cfg.Region, Domains: cfg.Domains,
		Logger: cfg.Logger, Registerer: cfg.Registerer,
	})
	if err != nil {
		return nil, errors.Join(err, l.Close())
	}
	s := &Server{
		gateway: g, server: objectapi.NewServer(g, cfg.Logger), listener: l,
		scheme: "http", served: make(chan error, 1),
	}
	l = sockio.Listener{Listener: l}
	if cfg.Cert != nil {
		s.scheme = "https"
		l = tls.NewListener(l, cfg.Cert.TLS())
	}
	go func() { s.served <- s.server.Serve(l) }()
	return s, nil
}

// URL returns where clients reach the gateway.
func (s *Server) URL() string { return s.scheme + "://" + s.listener.Addr().String() }

// Close drains and stops.
func (s *Server) Close() error {
	s.gateway.Drain()
	ctx, cancel := context.WithTimeout(context.Background(), drainTime)
	defer cancel()
	err := s.server.Shutdown(ctx)
	if err != nil {
		err = errors.Join(fmt.Errorf("drain S3: %w", err), s.server.Close())
	}
	s.gateway.Close()
	if serr := <-s.served; !errors.Is(serr, http.ErrServerClosed) {
		err = errors.Join(err, serr)
	}
	return err
}
