package testproc

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
)

// SaveLogs copies the nodes' logs into dir, where they outlive the cluster.
func (c *Cluster) SaveLogs(dir string) error {
	errs := []error{os.MkdirAll(dir, 0o755)}
	for _, n := range c.nodes {
		b, err := os.ReadFile(n.Log)
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, n.Name+".log"), b, 0o644)
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// lastLines returns the end of a log.
func lastLines(path string, count int) string {
	b, err := os.ReadFile(path)
	if err != nil {
		return err.Error()
	}
	lines := strings.Split(strings.TrimSpace(string(b)), "\n")
	return strings.Join(lines[max(0, len(lines)-count):], "\n")
}
