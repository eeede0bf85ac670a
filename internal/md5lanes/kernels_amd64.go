package md5lanes

import (
	"math"

	"golang.org/x/sys/cpu"
)

// sines are RFC 1321's constants, which the assembly reads.
var sines = func() (t [64]uint32) {
	for i := range t {
		t[i] = uint32(math.Floor(math.Abs(math.Sin(float64(i+1))) * (1 << 32)))
	}
	return t
}()

// kernels returns the ones for this CPU, the cheapest first for two messages.
func kernels() []kernel {
	out := []kernel{{lanes: 2, blocks: pair}}
	switch {
	case cpu.X86.HasAVX512F && cpu.X86.HasAVX512VL:
		out = append(out, kernel{lanes: Lanes, blocks: blocksAVX512})
	case cpu.X86.HasAVX2:
		out = append(out, kernel{lanes: Lanes, blocks: blocksAVX2})
	}
	return out
}

//go:noescape
func pair(state *State, data *[Lanes]*byte, n int)

//go:noescape
func blocksAVX512(state *State, data *[Lanes]*byte, n int)

//go:noescape
func blocksAVX2(state *State, data *[Lanes]*byte, n int)
