package cli_test

import (
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
)

// scrape is a program for scripts: it prints what a URL answers, whatever the
// status.
func scrape() {
	resp, err := http.Get(os.Args[1])
	if err == nil {
		_, err = io.Copy(os.Stdout, resp.Body)
		resp.Body.Close()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// documented is a command for scripts: the metrics in a scraped file must be
// those of docs/metrics.md, with the same types and labels.
func documented(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: documented FILE")
	}
	doc, err := os.ReadFile(filepath.Join("..", "..", "docs", "metrics.md"))
	ts.Check(err)
	want, got := documentedMetrics(string(doc)), scrapedMetrics(ts.ReadFile(args[0]))
	for _, name := range slices.Sorted(maps.Keys(want)) {
		if got[name] != want[name] {
			ts.Fatalf("%s is documented as %q and scraped as %q", name, want[name], got[name])
		}
		delete(got, name)
	}
	if len(got) > 0 {
		ts.Fatalf("not in docs/metrics.md: %v", slices.Sorted(maps.Keys(got)))
	}
}

// documentedMetrics returns type and labels of each metric in the tables.
func documentedMetrics(doc string) map[string]string {
	row := regexp.MustCompile("(?m)^\\| `(cairn_\\w+)` \\| (\\w+) \\| [^|]+ \\| ([^|]*)\\|")
	all := map[string]string{}
	for _, m := range row.FindAllStringSubmatch(doc, -1) {
		all[m[1]] = m[2] + " " + strings.TrimSpace(m[3])
	}
	return all
}

// scrapedMetrics returns the same of a scrape. The bounds of a histogram's
// buckets are no label of ours.
func scrapedMetrics(text string) map[string]string {
	family := regexp.MustCompile(`^# TYPE (cairn_\w+) (\w+)$`)
	label := regexp.MustCompile(`(\w+)="`)
	all := map[string]string{}
	name := ""
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if m := family.FindStringSubmatch(line); m != nil {
			name = m[1]
			all[name] = m[2] + " "
			continue
		}
		if !strings.HasPrefix(line, name) || !strings.HasSuffix(all[name], " ") {
			continue
		}
		var labels []string
		for _, m := range label.FindAllStringSubmatch(line, -1) {
			if m[1] != "le" {
				labels = append(labels, m[1])
			}
		}
		all[name] += strings.Join(slices.Sorted(slices.Values(labels)), ", ")
	}
	return all
}
