package cli

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/stretchr/testify/require"

	"cairn/node/config"
)

// TestDocumented holds docs/cli.md to the commands, the exit codes, the settings
// and the conditions that there are.
func TestDocumented(t *testing.T) {
	b, err := os.ReadFile(filepath.Join("..", "..", "docs", "cli.md"))
	require.NoError(t, err)
	doc := string(b)
	eachCommand(newRootCommand(&global{}), func(c *cobra.Command) {
		require.Contains(t, doc, "`"+c.CommandPath(), "the command is missing in docs/cli.md")
		require.NotEmpty(t, c.Example, "%s has no example", c.CommandPath())
		require.NotEmpty(t, c.Short, "%s has no summary", c.CommandPath())
	})
	for _, row := range exitTable {
		require.Contains(t, doc, fmt.Sprintf("| %d | %s |", row.Code, row.Meaning))
	}
	for _, k := range config.Keys() {
		require.Contains(t, doc, k.Path)
		require.Contains(t, doc, k.Env)
		require.Contains(t, doc, "--"+k.Flag)
	}
	for _, name := range conditionNames(t) {
		require.Contains(t, doc, "`"+name+"`")
	}
}

// TestHelp asks every command for its help, and holds the flags that its
// examples use against those that it has.
func TestHelp(t *testing.T) {
	eachCommand(newRootCommand(&global{}), func(c *cobra.Command) {
		path := strings.Fields(c.CommandPath())[1:]
		var out, errw strings.Builder
		code := Main(append(path, "--help"), strings.NewReader(""), &out, &errw)
		require.Zero(t, code, c.CommandPath())
		require.Contains(t, out.String(), "Examples:\n"+c.Example)
		require.Empty(t, errw.String())
		for _, m := range regexp.MustCompile(`cairn ([a-z][^|&)'"\n]*)`).FindAllStringSubmatch(c.Example, -1) {
			args, _, _ := strings.Cut(m[1], " -- ")
			used, rest, err := newRootCommand(&global{}).Find(strings.Fields(args))
			require.NoError(t, err, m[0])
			require.NoError(t, used.ParseFlags(rest), m[0])
		}
	})
}

// TestAuditDocumented holds docs/metrics.md to the fields that the gateway logs.
func TestAuditDocumented(t *testing.T) {
	code, err := os.ReadFile(filepath.Join("..", "..", "objectapi", "observe.go"))
	require.NoError(t, err)
	doc, err := os.ReadFile(filepath.Join("..", "..", "docs", "metrics.md"))
	require.NoError(t, err)
	fields := regexp.MustCompile(`slog\.[A-Z]\w+\("(\w+)"`).FindAllStringSubmatch(string(code), -1)
	require.Greater(t, len(fields), 10)
	for _, m := range fields {
		require.Regexp(t, "(?m)^\\|.*`"+m[1]+"`.*\\|", string(doc), "the field is missing in docs/metrics.md")
	}
}

// eachCommand calls f for all commands that do something.
func eachCommand(c *cobra.Command, f func(*cobra.Command)) {
	if c.HasParent() && c.Runnable() && !c.HasSubCommands() {
		f(c)
	}
	for _, sub := range c.Commands() {
		eachCommand(sub, f)
	}
}

// conditionNames reads them off the source of the checks.
func conditionNames(t *testing.T) (names []string) {
	files, err := filepath.Glob(filepath.Join("..", "..", "node", "health", "checks_*.go"))
	require.NoError(t, err)
	pattern := regexp.MustCompile(`(?:Name: |c\.Name[^=]*= )"([a-z-]+)"`)
	for _, file := range files {
		b, err := os.ReadFile(file)
		require.NoError(t, err)
		for _, m := range pattern.FindAllStringSubmatch(string(b), -1) {
			names = append(names, m[1])
		}
	}
	require.Greater(t, len(names), 20)
	return names
}
