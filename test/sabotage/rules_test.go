package main

import (
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const root = "../.."

// Every sabotage applies to the code as it is, its test exists, and the table
// of the invariants names it.
func TestRulesApply(t *testing.T) {
	rules, err := load("rules.txt")
	require.NoError(t, err)
	require.NotEmpty(t, rules)
	table, err := os.ReadFile(root + "/docs/design/invariants.md")
	require.NoError(t, err)
	seen := map[string]bool{}
	for _, r := range rules {
		require.False(t, seen[r.name], "%s is there twice", r.name)
		seen[r.name] = true
		_, err := r.broken(root)
		require.NoError(t, err, r.name)
		require.NoError(t, exec.Command("grep", "-rqE", `^func `+r.test+`\(`, root+"/"+r.pkg, "--include=*_test.go").Run(),
			"%s: %s has no %s", r.name, r.pkg, r.test)
		require.Contains(t, string(table), "`"+r.name+"`", "docs/design/invariants.md does not name the sabotage")
	}
	for _, name := range regexp.MustCompile("sabotage `([a-z-]+)`").FindAllStringSubmatch(string(table), -1) {
		require.True(t, seen[name[1]], "docs/design/invariants.md names %s, which is not in rules.txt", name[1])
	}
}

func TestMalformedRulesAreRefused(t *testing.T) {
	for _, text := range []string{
		"name file\npkg Test\n- a\n", "name\npkg Test\n- a\n+ b\n", "name file\npkg\n- a\n+ b\n", "name file\npkg Test\n+ a\n- b\n",
	} {
		_, err := parse(strings.Split(strings.TrimSpace(text), "\n"))
		require.Error(t, err, "%q", text)
	}
}
