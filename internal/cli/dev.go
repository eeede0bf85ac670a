package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"cairn/node/admin"
	"cairn/node/gateway"
	"cairn/node/local"
	"cairn/objectapi/machine"
	"cairn/store"
)

// devOptions are the flags of `cairn dev`.
type devOptions struct {
	dir      string
	layout   local.Layout
	s3       string
	admin    string
	nbd      string
	logLevel string
	downOut  time.Duration
	command  []string
}

// devRegion is the region that a dev cell's clients sign for.
const devRegion = "us-east-1"

func newDevCommand(g *global) *cobra.Command {
	o := devOptions{}
	c := &cobra.Command{
		Use:   "dev [flags] [-- COMMAND [ARG…]]",
		Short: "Run a whole cluster in this process",
		Long: `Run a whole cluster in this process: by default six nodes, two in each of three
zones, with S3 at 127.0.0.1:9000 and the admin API at 127.0.0.1:9001. What is
stored stays in the directory; the next start finds it.

With a COMMAND the cluster starts quietly, the command runs with AWS_ENDPOINT_URL,
AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_REGION and CAIRN_ADMIN set, and
cairn ends with its status.`,
		Example: `  cairn dev
  cairn dev --dir /tmp/c --s3 127.0.0.1:0 --admin 127.0.0.1:0 -- sh -c 'aws s3 mb s3://b && aws s3 ls'`,
		Args: func(c *cobra.Command, args []string) error {
			if len(args) > 0 && c.ArgsLenAtDash() != 0 {
				return fmt.Errorf("unknown argument %q: a command goes behind --", args[0])
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error {
			o.command = args
			return runDev(c.Context(), g, o)
		},
	}
	f := c.Flags()
	f.StringVar(&o.dir, "dir", "./cairn-data", "where everything is kept")
	f.IntVar(&o.layout.Zones, "zones", 3, "zones, fixed at the first start")
	f.IntVar(&o.layout.Nodes, "nodes", 2, "nodes in each zone, fixed at the first start")
	f.StringVar(&o.s3, "s3", "127.0.0.1:9000", "address of S3; port 0 means any")
	f.StringVar(&o.admin, "admin", "127.0.0.1:9001", "address of the admin API; port 0 means any")
	f.StringVar(&o.nbd, "nbd", "", "address of block volumes (not served yet)")
	f.StringVar(&o.logLevel, "log-level", "info", "what goes to DIR/cairn.log: debug, info, warn or error")
	f.DurationVar(&o.downOut, "down-out", 0, "how long a node may be silent before its shards are rebuilt elsewhere (default 10m)")
	return c
}

func runDev(ctx context.Context, g *global, o devOptions) (err error) {
	if err := o.layout.Validate(); err != nil {
		return err
	}
	if o.dir, err = filepath.Abs(o.dir); err != nil {
		return err
	}
	lock, err := lockDir(o.dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, lock.release()) }()
	log, logFile, err := devLog(o)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, logFile.Close()) }()
	if o.nbd != "" {
		fmt.Fprintf(g.err, "cairn: --nbd %s is not served: volumes come later\n", o.nbd)
	}
	return serveDev(ctx, g, o, log)
}

// serveDev runs the cell and its services until ctx or the command ends.
func serveDev(ctx context.Context, g *global, o devOptions, log *slog.Logger) (err error) {
	quiet := len(o.command) > 0
	if !quiet && !g.json {
		fmt.Fprintf(g.err, "starting %d nodes in %d zones in %s …\n", o.layout.Zones*o.layout.Nodes, o.layout.Zones, o.dir)
	}
	cell, err := local.Open(ctx, local.Config{
		Dir: o.dir, Layout: o.layout, Machines: []store.Machine{machine.New()}, Logger: log, DownOut: o.downOut,
	})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, cell.Close()) }()
	if err := cell.WaitReady(ctx); err != nil {
		return err
	}
	s, run, err := startDevServices(ctx, cell, o, log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	if quiet {
		return runCommand(ctx, g, o.command, run)
	}
	if err := run.print(g); err != nil {
		return err
	}
	<-ctx.Done()
	if !g.json {
		fmt.Fprintln(g.err, "\nstopping …")
	}
	return nil
}

func startDevServices(ctx context.Context, cell *local.Cell, o devOptions, log *slog.Logger) (*services, *devRun, error) {
	nodes := cell.Live()
	if len(nodes) == 0 {
		return nil, nil, fmt.Errorf("no node runs; the reasons are in %s", filepath.Join(o.dir, devLogFile))
	}
	st := cell.Store()
	s := newServices(o.dir, st, nodes[0].ClusterKey())
	err := s.startAdmin(admin.Config{Addr: o.admin, Nodes: cell.Live, Cell: cell, Logger: log})
	if err == nil {
		err = s.startS3(gateway.Config{Addr: o.s3, Store: st, Region: devRegion, Logger: requestLog(log, o.logLevel)})
	}
	if err != nil {
		return nil, nil, errors.Join(err, s.Close())
	}
	keys, fresh, err := s.rootKeys(ctx)
	if err != nil {
		return nil, nil, errors.Join(err, s.Close())
	}
	run := &devRun{Dir: o.dir, Layout: o.layout, Region: devRegion, S3: s.gateway.URL(), Admin: s.admin.URL(), keys: keys}
	if fresh {
		run.AccessKey, run.Secret = keys.AccessKey, keys.Secret
	}
	return s, run, nil
}

// devLogFile is the log of the running cell; that of the run before has ".old"
// behind its name.
const devLogFile = "cairn.log"

func devLog(o devOptions) (*slog.Logger, io.Closer, error) {
	level, err := logLevel(o.logLevel)
	if err != nil {
		return nil, nil, err
	}
	path := filepath.Join(o.dir, devLogFile)
	if err := os.Rename(path, path+".old"); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, nil, err
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return nil, nil, err
	}
	return slog.New(slog.NewTextHandler(f, &slog.HandlerOptions{Level: level})), f, nil
}
