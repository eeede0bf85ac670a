package testproc

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
)

// Options shape a cluster.
type Options struct {
	// Binary is what [Build] made, Dir an empty directory for everything.
	Binary, Dir string
	// Zones and Nodes (per zone): 3 zones of 2 nodes if zero.
	Zones, Nodes int
	// HTTPS are the names of the nodes whose gateway speaks https.
	HTTPS []string
	// Settings are lines for the configuration of every node.
	Settings []string
}

// Cluster is a cluster of processes. Its nodes are named by zone and number: a1
// a2 b1 b2 c1 c2.
type Cluster struct {
	opts  Options
	nodes []*Node
}

// startTime is what a cluster gets to form on a machine that is busy.
const startTime = 60 * time.Second

const certFile, keyFile = "s3.crt", "s3.key"

// Start founds a cluster, lets all nodes join side by side, and waits until each
// serves S3. On an error nothing runs any more; the logs stay in Options.Dir.
func Start(ctx context.Context, o Options) (*Cluster, error) {
	if o.Zones == 0 {
		o.Zones, o.Nodes = 3, 2
	}
	c := &Cluster{opts: o}
	ctx, cancel := context.WithTimeout(ctx, startTime)
	defer cancel()
	err := c.prepare()
	if err == nil {
		err = c.form(ctx)
	}
	if err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

// prepare chooses addresses and writes the configurations.
func (c *Cluster) prepare() error {
	ports, err := freePorts(3 * c.opts.Zones * c.opts.Nodes)
	if err != nil {
		return err
	}
	if err := writeCertificate(filepath.Join(c.opts.Dir, certFile), filepath.Join(c.opts.Dir, keyFile)); err != nil {
		return err
	}
	for z := range c.opts.Zones {
		for i := range c.opts.Nodes {
			zone := string(rune('a' + z))
			n := &Node{Name: fmt.Sprintf("%s%d", zone, i+1), Zone: zone, bin: c.opts.Binary}
			if err := c.configure(n, ports[3*len(c.nodes):]); err != nil {
				return err
			}
			c.nodes = append(c.nodes, n)
		}
	}
	return nil
}

// configure gives a node its paths and its file.
func (c *Cluster) configure(n *Node, ports []int) error {
	n.Dir = filepath.Join(c.opts.Dir, n.Name)
	n.Log, n.config = n.Dir+".log", n.Dir+".yaml"
	n.listen, n.S3 = loopback(ports[0]), "http://"+loopback(ports[1])
	lines := []string{
		"name: " + n.Name, "zone: " + n.Zone, "dir: " + n.Dir, "listen: " + n.listen,
		"s3: " + loopback(ports[1]), "admin: " + loopback(ports[2]),
		fmt.Sprintf("expect: %d", c.opts.Zones*c.opts.Nodes),
	}
	if slices.Contains(c.opts.HTTPS, n.Name) {
		n.S3 = "https://" + loopback(ports[1])
		lines = append(lines, "s3_tls:", "  cert: "+filepath.Join(c.opts.Dir, certFile), "  key: "+filepath.Join(c.opts.Dir, keyFile))
	}
	lines = append(lines, c.opts.Settings...)
	return os.WriteFile(n.config, []byte(strings.Join(lines, "\n")+"\n"), 0o600)
}

// form founds the cluster on the first node and lets the others join.
func (c *Cluster) form(ctx context.Context) error {
	founder := c.nodes[0]
	if err := founder.run("server", "--found"); err != nil {
		return err
	}
	invitation, err := founder.wait(ctx, "invitation")
	if err != nil {
		return err
	}
	for _, n := range c.nodes[1:] {
		if err := n.run("join", invitation.Token); err != nil {
			return err
		}
	}
	return c.WaitReady(ctx)
}

// WaitReady waits until every node that runs serves S3.
func (c *Cluster) WaitReady(ctx context.Context) error {
	errs := make([]error, len(c.nodes))
	var wg sync.WaitGroup
	for i, n := range c.nodes {
		if n.Running() {
			wg.Go(func() { errs[i] = n.WaitReady(ctx) })
		}
	}
	wg.Wait()
	return errors.Join(errs...)
}

// Nodes returns all nodes, by zone and number.
func (c *Cluster) Nodes() []*Node { return c.nodes }

// Node returns a node by name.
func (c *Cluster) Node(name string) *Node {
	i := slices.IndexFunc(c.nodes, func(n *Node) bool { return n.Name == name })
	if i < 0 {
		panic("testproc: no node " + name)
	}
	return c.nodes[i]
}

// CertFile is the certificate of the gateways that speak https.
func (c *Cluster) CertFile() string { return filepath.Join(c.opts.Dir, certFile) }

// Close kills what still runs.
func (c *Cluster) Close() {
	for _, n := range c.nodes {
		n.Kill()
	}
}

// Stop stops all nodes that run, side by side, as an operator would.
func (c *Cluster) Stop() error {
	errs := make([]error, len(c.nodes))
	var wg sync.WaitGroup
	for i, n := range c.nodes {
		if n.Running() {
			wg.Go(func() { errs[i] = n.Stop() })
		}
	}
	wg.Wait()
	return errors.Join(errs...)
}

// StartAll starts all nodes that do not run and waits until all serve.
func (c *Cluster) StartAll(ctx context.Context) error {
	for _, n := range c.nodes {
		if !n.Running() {
			if err := n.Start(); err != nil {
				return err
			}
		}
	}
	return c.WaitReady(ctx)
}
