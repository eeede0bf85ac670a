package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"cairn/store"
)

// Exit codes. They are part of the interface: never renumber them.
const (
	exitOK          = 0
	exitFailed      = 1
	exitUsage       = 2
	exitUnavailable = 3
	exitNotFound    = 4
	exitConflict    = 5
	exitDenied      = 6
	exitCommand     = 127
	exitInterrupted = 130
)

// exitTable is what `cairn help exit-codes` prints and docs/cli.md repeats.
var exitTable = []struct {
	Code    int    `json:"code"`
	Meaning string `json:"meaning"`
}{
	{exitOK, "done"},
	{exitFailed, "failed, or (doctor) something is wrong"},
	{exitUsage, "wrong flags, arguments or configuration; nothing was done"},
	{exitUnavailable, "the cluster cannot be reached, or has no quorum; retry later"},
	{exitNotFound, "what was named does not exist"},
	{exitConflict, "it exists already, is in use or has contents; nothing was changed"},
	{exitDenied, "not allowed"},
	{exitCommand, "dev -- COMMAND: the command could not be started; else its own status"},
	{exitInterrupted, "interrupted"},
}

// usageError marks a mistake of the caller.
type usageError struct{ err error }

func (e usageError) Error() string { return e.err.Error() }
func (e usageError) Unwrap() error { return e.err }

func usagef(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

// silentError ends with a code after everything was said.
type silentError struct{ code int }

func (e silentError) Error() string { return fmt.Sprintf("exit code %d", e.code) }

// exitCode is the one place where an error becomes a code.
func exitCode(err error) int {
	var usage usageError
	var silent silentError
	var ran *exec.ExitError
	switch {
	case err == nil:
		return exitOK
	case errors.As(err, &silent):
		return silent.code
	case errors.As(err, &usage):
		return exitUsage
	case errors.As(err, &ran):
		return commandStatus(ran)
	case errors.Is(err, context.Canceled):
		return exitInterrupted
	}
	switch store.KindOf(err) {
	case store.KindInvalid, store.KindTooLarge:
		return exitUsage
	case store.KindUnavailable, store.KindTimeout:
		return exitUnavailable
	case store.KindNotFound:
		return exitNotFound
	case store.KindExists, store.KindConflict, store.KindNotEmpty:
		return exitConflict
	case store.KindDenied:
		return exitDenied
	}
	return exitFailed
}

func newExitCodesTopic() *cobra.Command {
	return &cobra.Command{
		Use:   "exit-codes",
		Short: "What the exit codes mean",
		Long:  "Exit codes of every command:\n\n" + exitCodesText(),
	}
}

func exitCodesText() string {
	w := &textBuffer{}
	printTable(w, func(tw *tabwriter.Writer) {
		for _, row := range exitTable {
			fmt.Fprintf(tw, "  %d\t%s\n", row.Code, row.Meaning)
		}
	})
	return w.String()
}

// printTable aligns what fill writes in columns separated by tabs.
func printTable(w io.Writer, fill func(*tabwriter.Writer)) {
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fill(tw)
	_ = tw.Flush() // w's own error shows at its next use
}
