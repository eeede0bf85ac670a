package cli

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"cairn/node"
	"cairn/node/config"
	"cairn/store"
)

// serverOptions are the flags of `cairn server`.
type serverOptions struct {
	file  string
	flags map[string]string // settings by their path in the file
}

func newServerCommand(g *global) *cobra.Command {
	o := serverOptions{flags: map[string]string{}}
	c := &cobra.Command{
		Use:   "server",
		Short: "Run one node of a cluster",
		Long: `Run one node of a cluster of machines. Settings come from the file, then from
CAIRN_* environment variables, then from flags; docs/cli.md lists them.

The first node is started with --found: it makes the cluster and prints an
invitation, with which the others join (see "cairn join"). On a directory that
holds a node already, --found changes nothing.

SIGHUP reads the S3 certificate again. SIGTERM drains S3 and stops.`,
		Example: "  cairn server --config /etc/cairn/node.yaml --found\n  cairn server --config /etc/cairn/node.yaml",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			cfg, err := o.load()
			if err != nil {
				return err
			}
			return runServer(c.Context(), g, cfg)
		},
	}
	o.bind(c)
	return c
}

// bind adds --config and a flag for each setting.
func (o *serverOptions) bind(c *cobra.Command) {
	f := c.Flags()
	f.StringVar(&o.file, "config", "", "the configuration file (YAML)")
	for _, k := range config.Keys() {
		v := &settingFlag{path: k.Path, into: o.flags, isBool: k.Bool}
		flag := f.VarPF(v, k.Flag, "", "setting "+k.Path+", or $"+k.Env)
		if k.Bool {
			flag.NoOptDefVal = "true"
		}
	}
}

// settingFlag is a flag that overrides a setting.
type settingFlag struct {
	path   string
	into   map[string]string
	isBool bool
}

func (v *settingFlag) String() string { return "" }

func (v *settingFlag) Set(s string) error {
	v.into[v.path] = s
	return nil
}

func (v *settingFlag) Type() string {
	if v.isBool {
		return "bool"
	}
	return "value"
}

func (o *serverOptions) load() (*config.Config, error) {
	cfg, err := config.Load(config.Source{File: o.file, Env: os.Environ(), Flags: o.flags})
	if err != nil {
		return nil, usageError{err}
	}
	return cfg, nil
}

// runServer runs the node of cfg.Dir, founding it first if that is asked for.
func runServer(ctx context.Context, g *global, cfg *config.Config) error {
	founded, err := foundIfAsked(cfg)
	if err != nil {
		return err
	}
	lock, err := lockDir(cfg.Dir)
	if err != nil {
		return err
	}
	log, err := serverLog(g, cfg)
	if err != nil {
		return errors.Join(err, lock.release())
	}
	p := &process{g: g, cfg: cfg, log: log, founded: founded, fatal: make(chan error, 1)}
	return errors.Join(p.run(ctx), lock.release())
}

// foundIfAsked makes a new cluster in an empty directory.
func foundIfAsked(cfg *config.Config) (founded bool, err error) {
	id, err := node.LoadIdentity(cfg.Dir)
	switch {
	case err == nil && (id.Name != cfg.Name || id.Zone != cfg.Zone):
		return false, &store.Error{
			Op: "start", Kind: store.KindConflict, Resource: cfg.Dir,
			Err:  fmt.Errorf("it belongs to node %s in zone %s, not to %s in %s", id.Name, id.Zone, cfg.Name, cfg.Zone),
			Hint: "a node keeps its name and zone; put them back, or join under the new ones with an empty directory",
		}
	case store.Is(err, store.KindNotFound) && cfg.Found:
		if err := node.Found(cfg); err != nil {
			return false, fmt.Errorf("found the cluster: %w", err)
		}
		return true, nil
	}
	return false, err
}

func serverLog(g *global, cfg *config.Config) (*slog.Logger, error) {
	level, err := logLevel(cfg.LogLevel)
	if err != nil {
		return nil, err
	}
	return slog.New(slog.NewTextHandler(g.err, &slog.HandlerOptions{Level: level})), nil
}

// serverEvent is a line of `cairn server --json`.
type serverEvent struct {
	Event       string     `json:"event"` // serving, invitation, ready
	Node        string     `json:"node"`
	Listen      string     `json:"listen,omitempty"`
	Admin       string     `json:"admin,omitempty"`
	S3          string     `json:"s3,omitempty"`
	Token       string     `json:"token,omitempty"`
	Expires     *time.Time `json:"expires,omitempty"`
	Credentials string     `json:"credentials,omitempty"` // the file with the root user's keys
}

func (p *process) credentialsFile() string { return filepath.Join(p.cfg.Dir, "credentials") }
