// Package raftgroup runs many Raft groups in one process, on one Pebble. The
// root and the metadata state machines stand on it.
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
// Keys of the Pebble, integers big-endian:
//
//	group u32 | 0x01              what the rows contain: index, term, group time
//	group u32 | 0x01 'c'          the membership that this log prefix ends with
//	group u32 | 0x03 client seq   replies kept for clients that may ask again
//	group u32 | col u8 | …        the applier's rows, columns from 0x02 on
//	0xfffffffe | group u32 | name Raft's term and vote, marks of the protocols below
//	0xffffffff | group u32 | index u64  the Raft log
//
// Beside it: MARKS, the high-water marks; RESERVE, space held back; install/,
// tables of snapshots that are being received.
//
// # What is durable when
//
// All groups commit to the one log (WAL) of the one Pebble, and concurrent syncs
// share one fsync. Only three things are synced: Raft log entries before they
// are acknowledged, Raft's term and vote before they are told to anyone, and the
// marks of the protocols below.
//
// Applied batches are not synced. Each holds the rows' changes and the position
// (log index) that they bring the rows to, in one Pebble batch. The WAL is a
// sequence of which a crash keeps a prefix, so a batch is durable with the next
// sync of any group, and position and rows agree always. After a restart Raft
// hands out entries again from what the position says; entries at or below it
// are skipped.
//
// Cutting the log: (1) Raft asks for a snapshot at index i, all batches up to i
// being applied; (2) the mark "compacted i" is written and synced, and with it
// everything before it in the WAL, which includes these batches; (3) entries
// below i, less some that trail, are deleted, not synced. A crash before 2
// leaves log and rows as they were; between 2 and 3, too, with a mark that is
// true of them; after 3, a deletion that is lost is made again by the next cut.
// So an entry is deleted only when the rows that it made are durable.
//
// # Receiving a snapshot
//
// (1) The stream is written into tables under install/, each synced, then the
// directory; the first table starts with the position row. (2) A flag with the
// index and the number of tables is synced. (3) The group's rows and its
// compaction mark are deleted by range. (4) The tables are ingested, all at once.
// (5) The flag is deleted, synced.
//
// A crash in 1 leaves files that the next start removes, and the old rows. After
// 2, the next start looks at the position row: if it is at the flag's index, step
// 4 was done and 5 is; otherwise 3 and 4 are done again from the tables, which
// were complete before the flag was. The replica is not started in between.
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
// Forgetful: a bit flipped in the WAL is refused by Pebble at open, unless it is
// in the last block of 32 KiB, or in the file number of a record, where what
// follows looks like the rest of a recycled file. Then, as when the tail of the
// WAL is lost, the log looks like one that was never longer. So each group's last
// synced index and term, and its current term, are also kept in MARKS, which is
// written and synced at most every 200 ms and when the host closes. A replica
// whose log ends before its mark is muted: see mute.go. What was acknowledged
// within the last 200 ms before a crash is not covered; a crash of the machine
// that also loses synced data of this very window on a majority of the voters
// goes unnoticed.
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
// owned by Raft's FSM goroutine; what others read of it is atomic. No lock is
// held during disk or network I/O, but for stableStore's, which Raft's main loop
// alone contends for.
//
// # Heartbeats
//
// All groups' heartbeats to a peer leave in one call, gathered for an eighth of
// the heartbeat timeout; the receiver handles them beside its main loops, so a
// busy disk does not delay them. Appends of a follower are pipelined, two deep;
// calls of a fabric may overtake each other, so they are numbered and the
// receiver puts them in order.
package raftgroup
