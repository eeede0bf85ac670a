// Package nbd speaks the protocol of network block devices as a server, over
// exports that someone else implements. There is no storage in it.
//
// The protocol is that of the reference implementation's doc/proto.md, with its
// extension of extended headers
// (https://github.com/NetworkBlockDevice/nbd/blob/master/doc/proto.md): the fixed
// newstyle handshake, all its options, TLS by STARTTLS, and simple, structured
// and extended transmission. Not offered: the older handshakes, and RESIZE; an
// export may grow, and a client sees the new size when it connects again, while
// requests up to it are served at once.
//
// # Contract
//
//   - A [Server] serves an [Exports] on any number of listeners. What a client
//     asks for is checked here (bounds, alignment, flags, the right to write);
//     an [Export] sees only requests that make sense.
//   - A request is answered once, when the export's method has returned. So an
//     answered WRITE with FUA, and everything answered before an answered FLUSH
//     was sent, is as durable as [Export.Write] and [Export.Flush] promise;
//     nothing is answered early and nothing is remembered here.
//   - Requests of a connection run at the same time and are answered in the
//     order they finish.
//   - A client cannot make the server hold more than [Limits] says. A connection
//     at its bounds is not read from, which is all the backpressure there is.
//   - A bad request whose end is known is answered and what came with it
//     skipped; a client that breaks the framing, or announces more than it may
//     send, is hung up on. Neither changes anything.
//   - When a connection dies, the context of its requests ends. When the client
//     disconnects properly, they finish first.
//   - [Export.Detach] follows every attachment, after the last request.
//
// # A connection's goroutines
//
// The reader (the goroutine of ServeConn) takes a free slot, a [request], for
// each header it reads, waits until there is memory for its payload, and queues
// it. Workers, as many as there were ever requests in flight, carry requests out
// and frame the replies. One writer sends what is ready by one system call and
// makes the slots free. A slot is owned by who it was passed to: reader, worker,
// writer, nobody; so there is no lock. The end goes the same way: the reader
// stops, the workers finish what is queued, the writer sends it. No goroutine
// outlives its connection, and none its server: [Server.Shutdown] waits.
//
// # Memory
//
// Payloads live in buffers of internal/arena. A WRITE's is given to the export
// and never copied; a READ's is filled by the export and sent from where it is.
// A READ or WRITE in steady state allocates nothing.
//
// # Cost
//
// BenchmarkTransmission, CPU of client and server together on a 2-core virtual
// machine: 2.5 to 4 µs for a READ and 3 to 8 µs for a WRITE of 4 KiB at queue
// depth 32, 28 µs at depth 1, 0.3 ms for 1 MiB. A client that sends one request
// at a time, as fio does, makes the server wake for each: 25 to 60 µs on the same
// machine under load, where nbdkit's memory plugin took 16 to 20. Half of that is
// system calls, most of the rest the scheduler. Two ways around the scheduler were
// measured and gained at most a fifth: the worker that finishes sends the replies,
// and the reader carries READs out itself. Neither was worth a lock and a reader
// that can be held up by a client.
package nbd
