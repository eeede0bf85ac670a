package cli

import "github.com/spf13/cobra"

func newBenchCommand(g *global) *cobra.Command { return group("bench", "Measure a running cluster") }
