package testproc

import (
	"fmt"
	"os"
	"strings"
)

// PeakRSS returns the most memory, in bytes, that the node's process has had
// resident since it was started (VmHWM of proc(5)).
func (n *Node) PeakRSS() (uint64, error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", n.PID()))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(b)) {
		var kib uint64
		if _, err := fmt.Sscanf(line, "VmHWM: %d kB", &kib); err == nil {
			return kib << 10, nil
		}
	}
	return 0, fmt.Errorf("/proc/%d/status has no VmHWM", n.PID())
}
