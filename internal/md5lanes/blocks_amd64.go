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

// kernel is the best one for this CPU, nil if there is none.
var kernel = func() func(*State, *[Lanes]*byte, int) {
	switch {
	case cpu.X86.HasAVX512F && cpu.X86.HasAVX512VL:
		return blocksAVX512
	case cpu.X86.HasAVX2:
		return blocksAVX2
	}
	return nil
}()

//go:noescape
func blocksAVX512(state *State, data *[Lanes]*byte, n int)

//go:noescape
func blocksAVX2(state *State, data *[Lanes]*byte, n int)
