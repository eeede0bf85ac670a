package cli

import "github.com/spf13/cobra"

func newBenchCommand(g *global) *cobra.Command {
	c := group("bench", "Measure a running cluster")
	c.Example = "  cairn bench objects"
	c.AddCommand(newBenchObjectsCommand(g), newBenchLimitsCommand(g))
	return c
}
