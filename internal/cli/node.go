package cli

import (
	"context"
	"fmt"
	"net/url"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"cairn/node/admin"
	"cairn/node/health"
)

func newNodeCommand(g *global) *cobra.Command {
	c := group("node", "List nodes, invite new ones; in dev mode, kill and start them")
	c.AddCommand(newNodeListCommand(g), newNodeTokenCommand(g),
		newActCommand(g, "node", "kill", "Stop a node like kill -9 (dev mode)", "a1"),
		newActCommand(g, "node", "start", "Start a node that was killed (dev mode)", "a1"))
	return c
}

func newZoneCommand(g *global) *cobra.Command {
	c := group("zone", "In dev mode, kill and start all nodes of a zone")
	c.AddCommand(
		newActCommand(g, "zone", "kill", "Stop all nodes of a zone like kill -9 (dev mode)", "a"),
		newActCommand(g, "zone", "start", "Start the nodes of a zone (dev mode)", "a"))
	return c
}

// group is a command that only has others below it.
func group(name, short string) *cobra.Command {
	return &cobra.Command{
		Use: name, Short: short, Args: cobra.NoArgs,
		Example: "  cairn " + name + " --help",
		RunE:    func(c *cobra.Command, _ []string) error { return c.Help() },
	}
}

func newNodeListCommand(g *global) *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List zones and nodes", Example: "  cairn node list --json", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return runNodeList(c.Context(), g) },
	}
}

func runNodeList(ctx context.Context, g *global) error {
	api, err := g.client()
	if err != nil {
		return err
	}
	var zones []health.Zone
	if err := api.get(ctx, "/v1/nodes", &zones); err != nil {
		return err
	}
	if g.json {
		return writeJSON(g.out, zones)
	}
	printTable(g.out, func(w *tabwriter.Writer) {
		fmt.Fprintln(w, "NODE\tZONE\tSTATE\tDISKS\tVERSION\tADDRESS")
		for _, z := range zones {
			for _, n := range z.Nodes {
				fmt.Fprintf(w, "%s\t%s\t%s\t%d\t%s\t%s\n", n.Name, z.Name, n.State, len(n.Disks), n.Build, n.Addr)
			}
		}
	})
	return nil
}

// newActCommand builds the four commands that stop and start nodes.
func newActCommand(g *global, noun, verb, short, example string) *cobra.Command {
	return &cobra.Command{
		Use:     verb + " " + strings.ToUpper(noun),
		Short:   short,
		Example: fmt.Sprintf("  cairn %s %s %s", noun, verb, example),
		Args:    cobra.ExactArgs(1),
		RunE:    func(c *cobra.Command, args []string) error { return runAct(c.Context(), g, noun, verb, args[0]) },
	}
}

func runAct(ctx context.Context, g *global, noun, verb, name string) error {
	api, err := g.client()
	if err != nil {
		return err
	}
	var done admin.Acted
	if err := api.post(ctx, fmt.Sprintf("/v1/%ss/%s/%s", noun, url.PathEscape(name), verb), nil, &done); err != nil {
		return err
	}
	if g.json {
		return writeJSON(g.out, done)
	}
	past := map[string]string{"kill": "killed", "start": "started"}[done.Action]
	_, err = fmt.Fprintf(g.out, "%s %s\n", past, strings.Join(done.Nodes, ", "))
	return err
}

func newNodeTokenCommand(g *global) *cobra.Command {
	var life time.Duration
	c := &cobra.Command{
		Use:     "token",
		Short:   "Make an invitation for new nodes",
		Example: "  cairn join \"$(cairn node token --valid 1h)\" --config node.yaml",
		Args:    cobra.NoArgs,
		RunE:    func(c *cobra.Command, _ []string) error { return runNodeToken(c.Context(), g, life) },
	}
	c.Flags().DurationVar(&life, "valid", 24*time.Hour, "how long it can be used")
	return c
}

func runNodeToken(ctx context.Context, g *global, life time.Duration) error {
	api, err := g.client()
	if err != nil {
		return err
	}
	var t admin.Token
	if err := api.post(ctx, "/v1/token", map[string]int64{"valid_s": int64(life.Seconds())}, &t); err != nil {
		return err
	}
	if g.json {
		return writeJSON(g.out, t)
	}
	_, err = fmt.Fprintln(g.out, t.Token)
	return err
}
