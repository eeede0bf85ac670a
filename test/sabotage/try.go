package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// try builds the test of the broken package and runs it. It returns nil if the
// test failed.
func (r *rule) try(tmp string) error {
	bin, err := r.build(tmp)
	if err != nil {
		return err
	}
	defer os.Remove(bin)
	cmd := exec.Command(bin, append([]string{
		"-test.run", "^" + r.test + "$", "-test.count=1", "-test.failfast", "-test.timeout=60s",
	}, r.args...)...)
	cmd.Dir = r.pkg
	out, err := cmd.CombinedOutput()
	switch {
	case err == nil:
		return fmt.Errorf("%s of %s passes", r.test, r.pkg)
	case !bytes.Contains(out, []byte("--- FAIL: "+r.test)) && !bytes.Contains(out, []byte("panic: ")):
		return fmt.Errorf("%s of %s did not run: %w\n%s", r.test, r.pkg, err, out)
	}
	return nil
}

// build compiles the test binary of the broken package.
func (r *rule) build(tmp string) (bin string, err error) {
	text, err := r.broken(".")
	if err != nil {
		return "", err
	}
	file, err := filepath.Abs(r.file)
	if err != nil {
		return "", err
	}
	base := filepath.Join(tmp, r.name)
	overlay, err := json.Marshal(map[string]any{"Replace": map[string]string{file: base + ".go"}})
	if err != nil {
		return "", err
	}
	if err := os.WriteFile(base+".go", []byte(text), 0o600); err != nil {
		return "", err
	}
	if err := os.WriteFile(base+".json", overlay, 0o600); err != nil {
		return "", err
	}
	// Without debug information the link takes half the time.
	out, err := exec.Command("go", "test", "-c", "-vet=off", "-ldflags=-s -w", "-overlay", base+".json", "-o", base+".test", r.pkg).CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("the broken package does not compile: %w\n%s", err, out)
	}
	return base + ".test", nil
}
