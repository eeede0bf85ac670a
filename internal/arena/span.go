package arena

import (
	"slices"
	"unsafe"

	"golang.org/x/sys/unix"
)

const hugePage = 2 << 20

// span is a mapping cut into slots of one class. It is never unmapped.
type span struct {
	mem   []byte
	base  uintptr
	class int
	// used holds a byte a slot, owned by the class's mutex: 1 while the slot is
	// out.
	used []byte
}

// newSpan maps memory for a class. It panics when the kernel has no address
// space left, as the Go heap does.
func newSpan(class int) *span {
	size := spanSize(class)
	raw, err := unix.Mmap(-1, 0, size+hugePage, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_ANON|unix.MAP_PRIVATE)
	if err != nil {
		panic("arena: map " + err.Error())
	}
	skip := -address(raw) & (hugePage - 1)
	mem := raw[skip : int(skip)+size : int(skip)+size]
	// Advice: without huge pages everything works, slower.
	_ = unix.Madvise(mem, unix.MADV_HUGEPAGE)
	return &span{mem: mem, base: address(mem), class: class, used: make([]byte, size/classSize(class))}
}

func (s *span) slot(i int) []byte {
	n := classSize(s.class)
	return s.mem[i*n : (i+1)*n : (i+1)*n]
}

// populate touches a slot's pages in one system call instead of one fault each.
func (s *span) populate(i int) { _ = unix.Madvise(s.slot(i), unix.MADV_POPULATE_WRITE) }

// address returns where b's memory begins. The result is only compared, never
// turned back into a pointer.
func address(b []byte) uintptr { return uintptr(unsafe.Pointer(unsafe.SliceData(b))) }

// findSpan returns the span that holds address p, or nil. spans is sorted.
func findSpan(spans []*span, p uintptr) *span {
	i, found := slices.BinarySearchFunc(spans, p, func(s *span, p uintptr) int {
		switch {
		case s.base > p:
			return 1
		case s.base < p:
			return -1
		}
		return 0
	})
	if !found {
		i--
	}
	if i < 0 || p-spans[i].base >= uintptr(len(spans[i].mem)) {
		return nil
	}
	return spans[i]
}
