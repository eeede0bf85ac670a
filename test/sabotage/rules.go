package main

import (
	"fmt"
	"os"
	"strings"
)

// rule is one way to break an invariant, and the test that must notice.
type rule struct {
	name       string
	file       string // relative to the module's root
	pkg, test  string
	args       []string // of the test binary
	sound, bad string   // what stands in the file, and what is put in its place
}

// load reads the list of sabotages: blocks of lines, separated by empty ones.
// Lines that begin with # are comments.
//
//	name file
//	package test [flags of the test binary]
//	- the text to be replaced
//	+ what replaces it
func load(path string) ([]rule, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var rules []rule
	for block := range strings.SplitSeq(string(raw), "\n\n") {
		lines := strings.FieldsFunc(block, func(r rune) bool { return r == '\n' })
		for len(lines) > 0 && strings.HasPrefix(lines[0], "#") {
			lines = lines[1:]
		}
		if len(lines) == 0 {
			continue
		}
		r, err := parse(lines)
		if err != nil {
			return nil, fmt.Errorf("%s: %w in %q", path, err, lines[0])
		}
		rules = append(rules, r)
	}
	return rules, nil
}

func parse(lines []string) (r rule, err error) {
	if len(lines) != 4 {
		return r, fmt.Errorf("%d lines, want 4", len(lines))
	}
	what, guard := strings.Fields(lines[0]), strings.Fields(lines[1])
	var minus, plus bool
	r.sound, minus = strings.CutPrefix(lines[2], "- ")
	r.bad, plus = strings.CutPrefix(lines[3], "+ ")
	if len(what) != 2 || len(guard) < 2 || !minus || !plus {
		return r, fmt.Errorf("want: name file / package test / - text / + text")
	}
	r.name, r.file = what[0], what[1]
	r.pkg, r.test, r.args = guard[0], guard[1], guard[2:]
	return r, nil
}

// broken returns the file's text with the rule broken.
func (r *rule) broken(root string) (string, error) {
	raw, err := os.ReadFile(root + "/" + r.file)
	if err != nil {
		return "", err
	}
	if n := strings.Count(string(raw), r.sound); n != 1 {
		return "", fmt.Errorf("%q stands %d times in %s, not once: the code has changed, change rules.txt with it", r.sound, n, r.file)
	}
	return strings.Replace(string(raw), r.sound, r.bad, 1), nil
}
