// Package arena hands out the large buffers that bulk data passes through.
//
// A page fault costs about 19 µs on the machines this was measured on, so a
// fresh 1 MiB buffer costs 5 ms of CPU: more than everything else a read or a
// write of it does. The arena therefore maps memory once, touches it once, and
// keeps it until the process ends: neither the garbage collector nor the kernel
// gets it back. The resident size is the high-water mark of what was in use at
// one time, rounded up to size classes.
//
// # Contract
//
//   - [Get] returns a buffer with arbitrary contents. It allocates nothing once
//     its size class is warm, and never fails for lack of a class: a request
//     above [MaxBuffer] comes from the heap.
//   - [Put] takes back what Get returned, resliced or not: the slot is found by
//     address. A buffer that the arena does not own is ignored, so code that
//     frees need not know where a buffer came from.
//   - Freeing a buffer twice panics, always: the alternative is two owners of
//     the same memory, which is silent corruption.
//   - Every function may be called from any goroutine.
//
// Under the race detector a freed buffer is overwritten, so that a use after
// Put shows itself. Tests call [CheckLeaks] to see that all buffers came back.
//
// # Size classes
//
// 4 KiB, 8 KiB, 12 KiB, 16 KiB, 24 KiB, … 16 MiB: two a doubling, so that at
// most a third of a buffer is unused, and every one is a multiple of the page
// size and aligned to it. One more, of 8 MiB and 128 KiB, fits a whole blob.
//
// # Huge pages
//
// Spans are aligned to 2 MiB and advised MADV_HUGEPAGE; a slot is populated by
// one madvise call when it is first handed out. BenchmarkFirstTouch, CPU per MiB
// on a 2-core virtual machine with THP in madvise mode: page faults 2.6 ms,
// populated in one call 0.36 ms, huge pages 0.056 ms, both 0.034 ms.
package arena
