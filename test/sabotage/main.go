// Command sabotage proves that the tests guard the rules: it breaks one rule at
// a time on purpose and fails if the test that guards it still passes.
//
// rules.txt lists the sabotages. Each replaces one line of one file, by the
// compiler's overlay, so that the product has no trace of it. The text that is
// replaced must stand in its file exactly once; when the code changes, the list
// has to follow, and the package's test says so.
//
// A sabotage counts as caught only if the broken package compiles and its test
// then fails by itself.
//
//	go run ./test/sabotage [name...]
package main

import (
	"fmt"
	"os"
	"runtime"
	"slices"
	"sync"
	"time"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "sabotage:", err)
		os.Exit(1)
	}
}

// run tries the named sabotages, all if none is named, as many at a time as
// there are processors.
func run(names []string) error {
	rules, err := load("test/sabotage/rules.txt")
	if err != nil {
		return err
	}
	if len(names) > 0 {
		rules = slices.DeleteFunc(rules, func(r rule) bool { return !slices.Contains(names, r.name) })
	}
	tmp, err := os.MkdirTemp("", "cairn-sabotage-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(tmp)
	jobs := make(chan rule)
	var wg sync.WaitGroup
	var mu sync.Mutex
	missed := 0
	for range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			for r := range jobs {
				start := time.Now()
				err := r.try(tmp)
				mu.Lock()
				if err != nil {
					missed++
					fmt.Printf("NOT CAUGHT: %s: %v\n", r.name, err)
				} else {
					fmt.Printf("caught: %-24s %5.1f s  %s\n", r.name, time.Since(start).Seconds(), r.test)
				}
				mu.Unlock()
			}
		})
	}
	for _, r := range rules {
		jobs <- r
	}
	close(jobs)
	wg.Wait()
	if missed > 0 || len(rules) == 0 {
		return fmt.Errorf("%d of %d sabotages were not caught", missed, len(rules))
	}
	return nil
}
