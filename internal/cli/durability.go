package cli

import (
	"context"
	"fmt"
	"net/url"

	"github.com/spf13/cobra"

	"cairn/node/admin"
)

// durabilityRates are the flags of `cairn durability`, by the name that the admin
// API has for them.
var durabilityRates = []struct{ flag, param, help string }{
	{"afr", "afr", "share of disks that die a year (default 0.02)"},
	{"bit-rot", "bit_rot", "shards that rot unnoticed, per shard and year (default 0.001)"},
	{"scrub", "scrub", "interval in which every shard is read, 0 for never"},
	{"disk-repair", "disk_repair", "mean time from a disk's death until its shards are rebuilt"},
	{"zone-destroyed", "zone_destroyed", "probability a year that a zone is destroyed (default 0.0001)"},
	{"zone-repair", "zone_repair", "mean time until a destroyed zone is rebuilt elsewhere"},
}

func newDurabilityCommand(g *global) *cobra.Command {
	rates := map[string]*string{}
	c := &cobra.Command{
		Use:   "durability",
		Short: "Compute how likely stored data is lost",
		Long: `Compute, by an exact Markov chain, how likely a blob is lost in a year with the
codes and the topology of this cluster, and say what is not modelled. Rates are
published averages; give what you measured.`,
		Example: "  cairn durability\n  cairn durability --afr 0.04 --disk-repair 12h",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			q := url.Values{}
			for _, r := range durabilityRates {
				if c.Flags().Changed(r.flag) {
					q.Set(r.param, *rates[r.param])
				}
			}
			return runDurability(c.Context(), g, q)
		},
	}
	for _, r := range durabilityRates {
		rates[r.param] = c.Flags().String(r.flag, "", r.help)
	}
	return c
}

func runDurability(ctx context.Context, g *global, rates url.Values) error {
	api, err := g.client()
	if err != nil {
		return err
	}
	var d admin.Durability
	if err := api.get(ctx, "/v1/durability?"+rates.Encode(), &d); err != nil {
		return err
	}
	if g.json {
		return writeJSON(g.out, d)
	}
	_, err = fmt.Fprint(g.out, d.Text)
	return err
}
