package md5lanes

import (
	"testing"

	"golang.org/x/sys/cpu"
)

// eachKernel runs f with every kernel that this CPU can run, and without any.
func eachKernel(t *testing.T, f func(t *testing.T)) {
	all := available
	defer func() { available = all }()
	for _, k := range []struct {
		name string
		can  bool
		kernel
	}{
		{"none", true, kernel{}},
		{"pair", true, kernel{2, pair}},
		{"avx2", cpu.X86.HasAVX2, kernel{Lanes, blocksAVX2}},
		{"avx512", cpu.X86.HasAVX512F && cpu.X86.HasAVX512VL, kernel{Lanes, blocksAVX512}},
	} {
		if k.can {
			available = []kernel{k.kernel}
			t.Run(k.name, f)
		}
	}
}
