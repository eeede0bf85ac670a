package cli

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"cairn/node"
	"cairn/node/config"
	"cairn/store"
)

// joinOptions are the flags of `cairn join`.
type joinOptions struct {
	serverOptions
	once bool
}

// joined is the JSON of `cairn join --once`.
type joined struct {
	Node string `json:"node"`
	ID   uint32 `json:"id"`
	Zone string `json:"zone"`
	Dir  string `json:"dir"`
}

// joinTime bounds how long a member may take to let a node in.
const joinTime = time.Minute

func newJoinCommand(g *global) *cobra.Command {
	o := joinOptions{serverOptions: serverOptions{flags: map[string]string{}}}
	c := &cobra.Command{
		Use:   "join TOKEN",
		Short: "Join a cluster with an invitation, then run the node",
		Long: `Join the cluster of an invitation and run the node, as "cairn server" does. The
invitation is printed by the first node, or made with "cairn node token".
A directory that holds a node of this name already is only run, so the same
command can be given again.`,
		Example: "  cairn join cairn-join-… --config /etc/cairn/node.yaml\n  cairn join cairn-join-… --config /etc/cairn/node.yaml --once && systemctl start cairn",
		Args:    cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			cfg, err := o.load()
			if err != nil {
				return err
			}
			return runJoin(c.Context(), g, cfg, args[0], o.once)
		},
	}
	o.bind(c)
	c.Flags().BoolVar(&o.once, "once", false, "only join; run the node later with cairn server")
	return c
}

func runJoin(ctx context.Context, g *global, cfg *config.Config, token string, once bool) error {
	cfg.Found = false
	_, err := node.LoadIdentity(cfg.Dir)
	if err != nil && !store.Is(err, store.KindNotFound) {
		return err
	}
	if err != nil {
		jctx, cancel := context.WithTimeout(ctx, joinTime)
		defer cancel()
		if err := node.Join(jctx, cfg, token); err != nil {
			return fmt.Errorf("join: %w", err)
		}
	}
	if !once {
		return runServer(ctx, g, cfg)
	}
	id, err := node.LoadIdentity(cfg.Dir)
	if err != nil {
		return err
	}
	if g.json {
		return writeJSON(g.out, joined{Node: id.Name, ID: uint32(id.Node), Zone: id.Zone, Dir: cfg.Dir})
	}
	_, err = fmt.Fprintf(g.out, "joined as node %d (%s in zone %s); run it with `cairn server`\n", id.Node, id.Name, id.Zone)
	return err
}
