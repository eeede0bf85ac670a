package cli

import (
	"fmt"
	"runtime"

	"github.com/spf13/cobra"

	"cairn/node"
)

// versionInfo is the JSON of `cairn version`.
type versionInfo struct {
	Version  string `json:"version"`
	Go       string `json:"go"`
	Platform string `json:"platform"`
}

func newVersionCommand(g *global) *cobra.Command {
	return &cobra.Command{
		Use:     "version",
		Short:   "Print the version",
		Example: "  cairn version --json",
		Args:    cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			v := versionInfo{Version: node.Version, Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH}
			if g.json {
				return writeJSON(g.out, v)
			}
			_, err := fmt.Fprintf(g.out, "cairn %s (%s, %s)\n", v.Version, v.Go, v.Platform)
			return err
		},
	}
}
