package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"cairn/internal/obs"
	"cairn/node"
	"cairn/node/admin"
	"cairn/node/config"
	"cairn/node/fabric"
	"cairn/node/gateway"
	"cairn/node/pki"
	"cairn/objectapi/machine"
	"cairn/store"
)

// process is one node in its own process.
type process struct {
	g       *global
	cfg     *config.Config
	log     *slog.Logger
	founded bool // just now: there is no one else yet
	fatal   chan error

	node    *node.Node
	fabric  *fabric.GRPC
	stops   []func() error // in the order of starting
	running sync.WaitGroup
	service *services
}

// inviteLife is how long the invitation lives that a new cluster prints.
const inviteLife = 24 * time.Hour

// run starts everything, waits for the end, and stops in the opposite order.
func (p *process) run(ctx context.Context) (err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer func() {
		cancel()
		err = errors.Join(err, p.stop())
		p.running.Wait()
	}()
	if err := p.startNode(ctx); err != nil {
		return err
	}
	if err := p.announce(); err != nil {
		return err
	}
	select {
	case <-p.node.Ready():
	case err := <-p.fatal:
		return err
	case <-ctx.Done():
		return nil
	}
	if err := p.startS3(ctx); err != nil {
		return err
	}
	select {
	case err := <-p.fatal:
		return fmt.Errorf("node %s cannot go on: %w", p.cfg.Name, err)
	case <-ctx.Done():
		p.log.Info("stopping")
		return nil
	}
}

func (p *process) stop() error {
	var errs []error
	for i := len(p.stops) - 1; i >= 0; i-- {
		errs = append(errs, p.stops[i]())
	}
	return errors.Join(errs...)
}

func (p *process) onStop(f func() error) { p.stops = append(p.stops, f) }

// startNode connects the node, starts it, and serves the admin API, which must
// answer also while there is no quorum.
func (p *process) startNode(ctx context.Context) error {
	id, err := node.LoadIdentity(p.cfg.Dir)
	if err != nil {
		return err
	}
	tracing, err := obs.StartTracing(ctx, p.cfg.OTLP, p.cfg.Name, node.Version)
	if err != nil {
		return err
	}
	p.onStop(tracing)
	creds, err := pki.NewCredentials([]byte(id.CACert), []byte(id.Cert), []byte(id.Key), time.Now)
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", p.cfg.Listen)
	if err != nil {
		return fmt.Errorf("listen for other nodes: %w", err)
	}
	p.fabric = fabric.NewGRPC(id.Node, creds.TLS())
	p.node, err = node.Open(p.cfg, node.Options{
		Fabric: p.fabric, Logger: p.log, Machines: []store.Machine{machine.New()}, OnFatal: p.giveUp,
		Credentials: creds,
	})
	if err != nil {
		p.fabric.Close()
		return errors.Join(err, l.Close())
	}
	p.onStop(func() error { p.fabric.Close(); return nil })
	p.onStop(p.node.Close)
	p.running.Go(func() {
		if err := p.fabric.Serve(l); err != nil {
			p.giveUp(fmt.Errorf("serve other nodes: %w", err))
		}
	})
	p.service = newServices(p.cfg.Dir, p.node.Root(), p.node.ClusterKey())
	p.onStop(p.service.Close)
	if p.cfg.Admin == "" {
		return nil
	}
	return p.service.startAdmin(admin.Config{
		Addr: p.cfg.Admin, Logger: p.log, Nodes: func() []*node.Node { return []*node.Node{p.node} },
	})
}

// giveUp ends the process; the first reason counts.
func (p *process) giveUp(err error) {
	select {
	case p.fatal <- err:
	default:
	}
}

// announce tells where the node is, and, the first time, how others join.
func (p *process) announce() error {
	e := serverEvent{Event: "serving", Node: p.cfg.Name, Listen: p.cfg.Listen}
	if p.service.admin != nil {
		e.Admin = p.service.admin.URL()
	}
	if err := p.say(e, "node %s serves other nodes at %s\n", p.cfg.Name, p.cfg.Listen); err != nil || !p.founded {
		return err
	}
	token, err := p.node.Token(inviteLife)
	if err != nil {
		return err
	}
	expires := time.Now().Add(inviteLife).UTC()
	return p.say(serverEvent{Event: "invitation", Node: p.cfg.Name, Token: token, Expires: &expires},
		"the cluster waits for %d nodes in all; on each other one run, within 24 hours:\n\n  cairn join %s --config node.yaml\n\n", p.cfg.Expect, token)
}

// startS3 opens the gateway. The founder keeps the root user's keys.
func (p *process) startS3(ctx context.Context) error {
	ready := serverEvent{Event: "ready", Node: p.cfg.Name}
	id, err := node.LoadIdentity(p.cfg.Dir)
	if err != nil {
		return err
	}
	if id.Founder {
		if _, _, err := p.service.rootKeys(ctx); err != nil {
			return fmt.Errorf("keys of the root user: %w", err)
		}
		ready.Credentials = p.credentialsFile()
	}
	if p.cfg.S3 != "" {
		cert, err := p.certificate(ctx)
		if err != nil {
			return err
		}
		err = p.service.startS3(gateway.Config{
			Addr: p.cfg.S3, Cert: cert, Store: p.node.Store(), Region: p.cfg.Region, Domains: p.cfg.Domains, Logger: p.log,
		})
		if err != nil {
			return err
		}
		ready.S3 = p.service.gateway.URL()
	}
	text := "node %s is ready"
	args := []any{p.cfg.Name}
	if ready.S3 != "" {
		text, args = text+"; S3 at %s", append(args, ready.S3)
	}
	if ready.Credentials != "" {
		text, args = text+"; the root user's keys are in %s", append(args, ready.Credentials)
	}
	return p.say(ready, text+"\n", args...)
}

// certificate loads the S3 certificate, if there is one, and reads it again at
// each SIGHUP.
func (p *process) certificate(ctx context.Context) (*gateway.Certificate, error) {
	if p.cfg.S3TLS.Cert == "" {
		return nil, nil
	}
	cert, err := gateway.LoadCertificate(p.cfg.S3TLS.Cert, p.cfg.S3TLS.Key)
	if err != nil {
		return nil, err
	}
	hup := make(chan os.Signal, 1)
	signal.Notify(hup, syscall.SIGHUP)
	p.running.Go(func() { p.reload(ctx, hup, cert) })
	return cert, nil
}

func (p *process) reload(ctx context.Context, hup chan os.Signal, cert *gateway.Certificate) {
	defer signal.Stop(hup)
	for {
		select {
		case <-hup:
			if err := cert.Reload(); err != nil {
				p.log.Error("the S3 certificate stays the old one", "err", err)
			} else {
				p.log.Info("the S3 certificate was read again")
			}
		case <-ctx.Done():
			return
		}
	}
}

// say writes an event: a line of JSON, or text.
func (p *process) say(e serverEvent, text string, args ...any) error {
	if p.g.json {
		return json.NewEncoder(p.g.out).Encode(e)
	}
	_, err := fmt.Fprintf(p.g.out, text, args...)
	return err
}
