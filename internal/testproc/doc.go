// Package testproc runs a cluster of real processes for tests: one `cairn
// server` per node on loopback, each with its own directory and log, joined by
// invitation over mTLS as machines would be. Tests kill, pause and restart the
// processes; what they see of them is what an operator sees: the JSON of the
// command line, S3, and the logs.
//
// No process outlives the tests. The kernel kills each when the test process
// ends, however it ends. That order is bound to the thread that started a
// process, so one thread, which never ends, starts them all.
//
// A [Cluster] may be used by several goroutines. A [Node]'s Start, Kill, Stop,
// Pause and Resume are for one at a time.
package testproc
