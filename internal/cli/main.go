package cli

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
)

// streams are where a command reads and writes.
type streams struct {
	in       io.Reader
	out, err io.Writer
}

// global are the flags that all commands share.
type global struct {
	streams
	json  bool
	admin string
}

// Main runs the command line and returns the exit code.
func Main(args []string, in io.Reader, out, errw io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	g := &global{streams: streams{in, out, errw}}
	root := newRootCommand(g)
	root.SetArgs(args)
	root.SetIn(in)
	root.SetOut(out)
	root.SetErr(errw)
	err := root.ExecuteContext(ctx)
	code := exitCode(err)
	if err != nil && !isSilent(err) {
		fmt.Fprintf(errw, "cairn: %v\n", err)
	}
	return code
}

func newRootCommand(g *global) *cobra.Command {
	root := &cobra.Command{
		Use:   "cairn",
		Short: "Storage over zones: S3 objects on metadata by Raft and data by erasure code",
		Long: `Cairn stores objects on nodes in several zones. Metadata is replicated by Raft,
data is erasure-coded, and the loss of a zone and one more node loses neither.

Begin with "cairn dev": six nodes in three zones in one process.`,
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          cobra.NoArgs,
		RunE:          func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	root.CompletionOptions.HiddenDefaultCmd = false
	root.PersistentFlags().BoolVar(&g.json, "json", false, "write the result as JSON")
	root.PersistentFlags().StringVar(&g.admin, "admin", "", "address of the admin API, or the directory of a node (default $CAIRN_ADMIN, then ./cairn-data)")
	root.SetFlagErrorFunc(func(c *cobra.Command, err error) error {
		return usagef("%w (see `%s --help`)", err, c.CommandPath())
	})
	root.AddCommand(
		newDevCommand(g), newServerCommand(g), newJoinCommand(g),
		newStatusCommand(g), newDoctorCommand(g), newDurabilityCommand(g), newSimulateCommand(g),
		newNodeCommand(g), newZoneCommand(g), newIAMCommand(g), newBenchCommand(g),
		newVersionCommand(g),
		newExitCodesTopic(),
	)
	wrapArgs(root)
	return root
}

// wrapArgs makes mistakes in arguments usage errors, with the way to the help.
func wrapArgs(c *cobra.Command) {
	if check := c.Args; check != nil {
		c.Args = func(c *cobra.Command, args []string) error {
			if err := check(c, args); err != nil {
				return usagef("%s (see `%s --help`)", strings.ReplaceAll(strings.TrimSpace(err.Error()), "\n", " "), c.CommandPath())
			}
			return nil
		}
	}
	for _, sub := range c.Commands() {
		wrapArgs(sub)
	}
}
