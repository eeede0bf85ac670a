package cli

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"cairn/node/health"
)

// statusOptions are the flags of `cairn status`.
type statusOptions struct{ watch time.Duration }

func newStatusCommand(g *global) *cobra.Command {
	o := statusOptions{}
	c := &cobra.Command{
		Use:   "status",
		Short: "Show how the cluster is",
		Long: `Show zones, nodes and disks with their states, what data and metadata still
survive, what is being repaired, and what is wrong with what to do about it.`,
		Example: "  cairn status\n  cairn status --watch 2s\n  cairn status --json | jq .verdict",
		Args:    cobra.NoArgs,
		RunE:    func(c *cobra.Command, _ []string) error { return runStatus(c.Context(), g, o) },
	}
	c.Flags().DurationVar(&o.watch, "watch", 0, "show it again at this interval, until interrupted")
	return c
}

func runStatus(ctx context.Context, g *global, o statusOptions) error {
	api, err := g.client()
	if err != nil {
		return err
	}
	p := newPaint(g.out)
	for {
		var s health.Status
		if err := api.get(ctx, "/v1/status", &s); err != nil {
			return err
		}
		if err := showStatus(g, p, &s, o.watch > 0); err != nil || o.watch <= 0 {
			return err
		}
		select {
		case <-time.After(o.watch):
		case <-ctx.Done():
			return nil
		}
	}
}

// showStatus writes one status; one that is watched on a terminal replaces the
// one before.
func showStatus(g *global, p paint, s *health.Status, again bool) error {
	if g.json {
		return writeJSON(g.out, s)
	}
	if again && bool(p) {
		if _, err := io.WriteString(g.out, "\x1b[H\x1b[2J"); err != nil {
			return err
		}
	}
	_, err := io.WriteString(g.out, renderStatus(s, p))
	return err
}

// verdictWord colours a verdict.
func verdictWord(p paint, v health.Verdict) string {
	switch v {
	case health.Healthy:
		return p.green(string(v))
	case health.Unavailable:
		return p.red(string(v))
	}
	return p.yellow(string(v))
}

func severityWord(p paint, s health.Severity) string {
	word := fmt.Sprintf("%-8s", s)
	switch s {
	case health.Critical:
		return p.red(word)
	case health.Warning:
		return p.yellow(word)
	}
	return word
}
