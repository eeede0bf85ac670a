// Package raftgroup runs many Raft groups in one process, on one Raft log and one
// Pebble for their rows. The root and the metadata state machines stand on it.
//
// # What it promises
//
//   - [Group.Propose] returns nil when the command is synced on a majority of
//     the group's voters and applied on this one. A command with a client and a
//     seq takes effect once, however often and wherever it is sent.
//   - [Group.ReadIndex] shows every command that was acknowledged before it was
//     called, by whatever replica.
//   - Replicas' rows are equal byte for byte at equal log indexes. The state of
//     a group is its rows; mirrors in memory are rebuilt from them.
//   - Group time, which [Applier.Apply] gets, never runs backwards. It is the
//     leader's clock as stamped into the entry, or the time of the entry before
//     if that is later.
//   - An error of [store.KindTimeout] or [store.KindCanceled] from Propose is
//     the only one after which the command may have taken effect.
//
// It never serves reads from a lease, never skips an entry it does not
// understand (the replica halts), never retries a failed fsync, and never
// answers anybody after its disk failed.
//
// # What lies where
//
// raftlog/ is the Raft log of all groups, with Raft's term and vote and the marks
// of the protocols below beside the entries: see node/raftlog. It is written and
// synced before anything is acknowledged.
//
// The Pebble holds the rows, and has no log of its own: what it loses in a crash
// is in the Raft log. So a command's bytes are written once to be durable and
// once more when the rows are flushed. Keys, integers big-endian:
//
//	group u32 | 0x01              what the rows contain: index, term, group time
//	group u32 | 0x01 'c'          the membership that this log prefix ends with
//	group u32 | 0x03 client seq   replies kept for clients that may ask again
//	group u32 | col u8 | …        the applier's rows, columns from 0x02 on
//
// Beside it: MARKS, the high-water marks; RESERVE, space held back; install/,
// tables of snapshots that are being received.
//
// # What is durable when
//
// Three things are synced, all in the Raft log, and concurrent syncs share one
// fsync: entries before they are acknowledged, Raft's term and vote before they
// are told to anyone, and the marks of the protocols below.
//
// Rows become durable when Pebble flushes them. Each applied batch holds the
// rows' changes and the position (log index) that they bring the rows to, in one
// Pebble batch. Flushes keep a prefix of the order of batches, so after a crash a
// group's rows are as they were at some earlier position, and replies, membership
// and position agree with them. After a restart Raft takes that position for its
// snapshot and hands out the entries behind it again; entries at or below it are
// skipped.
//
// Cutting the log: (1) Raft takes a snapshot at index i, which writes nothing,
// and asks for the log to be cut below i, less some entries that trail; (2) the
// durable position is read from Pebble without its memtables; (3) the log is cut
// below the lesser of the two. A crash between 2 and 3, or a cut that is lost,
// leaves more of the log than needed. After 3 the rows of a restart reach up to
// the log: the durable position only grows, but in the protocols below. A log
// that begins behind the rows is refused.
//
// So that a restart takes seconds, a flush is started when flushBytes were logged
// since the last one began, and when the host closes.
//
// # Receiving a snapshot
//
// (1) The stream is written into tables under install/, each synced, then the
// directory; the first table starts with the position row. (2) A flag with the
// index and the number of tables is synced in the Raft log. (3) The group's rows
// are deleted by range, and that is flushed. (4) The tables are ingested, all at
// once, which is durable when it returns. (5) The flag is deleted, synced.
//
// A crash in 1 leaves files that the next start removes, and the old rows. After
// 2, the next start looks at the position row: if it is at the flag's index, step
// 4 was done and 5 is; otherwise 3 and 4 are done again from the tables, which
// were complete before the flag was. The replica is not started in between. The
// flush in 3 comes first because tables that outlive the deletion below them
// would mix the snapshot with rows of the past.
//
// # Destroying a replica
//
// (1) A flag is synced in the Raft log. (2) The rows are deleted, and that is
// flushed. (3) The group is dropped from the Raft log, flag and all, synced. A
// crash after 1 has 2 and 3 done again when the host is opened. The rows go first
// because rows without a log would be those of a replica that may vote.
//
// # A disk that misbehaves
//
// Slow: a write of the log that takes longer than Options.WriteTimeout is
// reported to Raft as failed; a leader then steps down and another is elected.
// The write may still succeed; the next one replaces what it left.
//
// Failing: the first error of a write or sync of anything but a table makes the
// host mute for good ([Options.OnFatal]): see guardFS. Nothing that was not
// synced is ever acknowledged, and a failed fsync is not tried again.
//
// Full: see [Options.MinFree].
//
// Forgetful: damage to the log is refused when it is opened, unless it is in the
// frame that was written last, where it looks like a write that a crash broke
// off. Then, as when the tail of the log is lost, the log looks like one that was
// never longer. So each group's last synced index and term, and its current term,
// are also kept in MARKS, which is written and synced at most every 200 ms and
// when the host closes. A replica whose log ends before its mark is muted: see
// mute.go. What was acknowledged within the last 200 ms before a crash is not
// covered; a crash of the machine that also loses synced data of this very window
// on a majority of the voters goes unnoticed.
//
// Wiped or replaced: servers are known to Raft as node/incarnation, and calls
// carry the incarnation they are meant for. A node that lost its directory comes
// back as an unknown server and receives nothing until the leader adds it as a
// learner ([Group.Reconcile]).
//
// # Who owns what
//
// hashicorp/raft runs per replica a main loop, an FSM goroutine and a snapshot
// goroutine, and on a leader two goroutines a follower. To these the package
// adds one goroutine a replica that follows leadership changes, one a host for
// housekeeping, and goroutines that exist while there is work: up to two that
// carry proposals of a group, one that confirms reads of a group, up to two
// that send appends to a follower, one that carries heartbeats to a peer. fsm is
// owned by Raft's FSM goroutine; what others read of it is atomic. The Raft log
// and Pebble have goroutines of their own. No lock is held during disk or network
// I/O, but for stableStore's, which Raft's main loop alone contends for.
//
// # Heartbeats
//
// All groups' heartbeats to a peer leave in one call, gathered for an eighth of
// the heartbeat timeout; the receiver handles them beside its main loops, so a
// busy disk does not delay them. Appends of a follower are pipelined, two deep;
// calls of a fabric may overtake each other, so they are numbered and the
// receiver puts them in order.
package raftgroup
