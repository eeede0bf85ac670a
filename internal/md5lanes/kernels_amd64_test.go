package md5lanes

import (
	"testing"

	"golang.org/x/sys/cpu"
)

// eachKernel runs f with every kernel that this CPU can run.
func eachKernel(t *testing.T, f func(t *testing.T)) {
	best := kernel
	defer func() { kernel = best }()
	for _, k := range []struct {
		name string
		can  bool
		run  func(*State, *[Lanes]*byte, int)
	}{
		{"avx512", cpu.X86.HasAVX512F && cpu.X86.HasAVX512VL, blocksAVX512},
		{"avx2", cpu.X86.HasAVX2, blocksAVX2},
		{"none", true, nil},
	} {
		if k.can {
			kernel = k.run
			t.Run(k.name, f)
		}
	}
}
