package node

import (
	"context"
	"log/slog"
	"net"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"cairn/node/config"
	"cairn/node/fabric"
	"cairn/node/pki"
)

// Two processes renew their certificates when two thirds of their life are over,
// each signed by the other, and make new connections when the first ones have
// expired; what they renewed is what they start with.
func TestCertificatesAreRenewed(t *testing.T) {
	dir := t.TempDir()
	var ahead atomic.Int64
	clock := func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) }
	one := configOf(t, dir, "a1", "a")
	require.NoError(t, Found(one))
	a, _, _ := serve(t, one, clock)
	await(t, a.Ready())
	token, err := a.Token(time.Hour)
	require.NoError(t, err)
	two := configOf(t, dir, "b1", "b")
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	require.NoError(t, Join(ctx, two, token))
	b, _, stopB := serve(t, two, clock)
	await(t, b.Ready())

	before := expiry(t, two)
	ahead.Store(int64(pki.NodeLife * 3 / 4))
	for _, cfg := range []*config.Config{one, two} {
		require.Eventually(t, func() bool { return expiry(t, cfg).After(clock().Add(pki.NodeLife / 2)) }, time.Minute, 10*time.Millisecond)
	}
	ahead.Store(int64(pki.NodeLife * 5 / 4))
	require.True(t, before.Before(clock()), "the first certificate has expired")
	stopB()
	b, f, _ := serve(t, two, clock)
	await(t, b.Ready())
	_, err = f.Call(ctx, a.ID(), MethodRenew, &fabric.Message{})
	require.ErrorContains(t, err, "public key", "it is let in, and refused only a request without a key")
}

// configOf describes a node that listens at a free port.
func configOf(t *testing.T, dir, name, zone string) *config.Config {
	cfg := config.Default()
	cfg.Name, cfg.Zone, cfg.Dir = name, zone, filepath.Join(dir, name)
	cfg.S3, cfg.Admin = "", ""
	cfg.Disks = []config.Disk{{Path: filepath.Join(cfg.Dir, "disk"), Bytes: 1 << 30}}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	cfg.Listen = l.Addr().String()
	require.NoError(t, l.Close())
	cfg.Complete()
	return &cfg
}

// serve runs a node as a process does, until stop or the end of the test.
func serve(t *testing.T, cfg *config.Config, clock func() time.Time) (n *Node, f *fabric.GRPC, stop func()) {
	id, err := LoadIdentity(cfg.Dir)
	require.NoError(t, err)
	creds, err := pki.NewCredentials([]byte(id.CACert), []byte(id.Cert), []byte(id.Key), clock)
	require.NoError(t, err)
	l, err := net.Listen("tcp", cfg.Listen)
	require.NoError(t, err)
	f = fabric.NewGRPC(id.Node, creds.TLS())
	n, err = Open(cfg, Options{Fabric: f, Logger: slog.New(slog.DiscardHandler), Clock: clock, Credentials: creds})
	require.NoError(t, err)
	go func() { _ = f.Serve(l) }() // ends with the fabric
	stop = sync.OnceFunc(func() { assert.NoError(t, n.Close()); f.Close() })
	t.Cleanup(stop)
	return n, f, stop
}

func await(t *testing.T, ready <-chan struct{}) {
	select {
	case <-ready:
	case <-time.After(time.Minute):
		require.Fail(t, "the node is not ready")
	}
}

// expiry reads when the certificate that a node would start with expires.
func expiry(t *testing.T, cfg *config.Config) time.Time {
	id, err := LoadIdentity(cfg.Dir)
	require.NoError(t, err)
	creds, err := pki.NewCredentials([]byte(id.CACert), []byte(id.Cert), []byte(id.Key), time.Now)
	require.NoError(t, err)
	return creds.NotAfter()
}
