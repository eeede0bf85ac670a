// Package sockio reads and writes TCP connections without telling Go's
// scheduler.
//
// The scheduler expects of every system call that it may block: it marks the
// processor as free, and its watchdog, which looks each 20 µs while anything
// runs, gives the processor to another thread. A call on a socket of Go's never
// blocks; it copies, and for 64 KiB and more it copies longer than that. The
// hand-over, and the watchdog that does not come to rest, then cost more than
// the copy. Here the calls are made directly; waiting is Go's poller's, as ever.
//
// What it costs: a goroutine cannot be stopped while a call copies, so a garbage
// collection may begin by that much later. Give it no more than some hundred KiB
// at a time.
package sockio
