package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"cairn/node/health"
)

func newDoctorCommand(g *global) *cobra.Command {
	return &cobra.Command{
		Use:   "doctor",
		Short: "Check everything, and say what to do",
		Long: `Run every check: nodes, zones, quorum, replicas, disks, space, redundancy, repairs,
debts, clocks, versions, and the settings of the machines. What is well is
listed too. The exit code is 1 if something is wrong.`,
		Example: "  cairn doctor\n  cairn doctor --json | jq '.[] | select(.ok | not)'",
		Args:    cobra.NoArgs,
		RunE:    func(c *cobra.Command, _ []string) error { return runDoctor(c.Context(), g) },
	}
}

func runDoctor(ctx context.Context, g *global) error {
	api, err := g.client()
	if err != nil {
		return err
	}
	var checks []health.CheckResult
	if err := api.get(ctx, "/v1/doctor", &checks); err != nil {
		return err
	}
	if g.json {
		err = writeJSON(g.out, checks)
	} else {
		_, err = g.out.Write([]byte(renderDoctor(checks, newPaint(g.out))))
	}
	for _, c := range checks {
		if !c.OK && err == nil {
			err = silentError{exitFailed}
		}
	}
	return err
}

func renderDoctor(checks []health.CheckResult, p paint) string {
	var b textBuffer
	wrong := 0
	for _, c := range checks {
		if c.OK && len(c.Conditions) == 0 {
			fmt.Fprintf(&b, "%s %-14s %s\n", p.green("ok      "), c.Name, c.What)
			continue
		}
		for _, cond := range c.Conditions {
			fmt.Fprintf(&b, "%s %-14s %s\n%25s→ %s\n", severityWord(p, cond.Severity), c.Name, cond.What, "", cond.Next)
		}
		if !c.OK {
			wrong++
		}
	}
	if wrong == 0 {
		return b.String() + "\nNothing is wrong.\n"
	}
	fmt.Fprintf(&b, "\n%d of %d checks found something wrong.\n", wrong, len(checks))
	return b.String()
}
