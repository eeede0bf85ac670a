// Package meta hosts metadata: it owns ranges of keys, runs the services'
// machines on them, and keeps the two lists that tie rows to blobs: the delete
// queue and the owed shards. It knows nothing of S3, disks or files.
//
// # Parts
//
// A metadata group is a Raft group (package raftgroup) with the state machine
// in fsm.go. It owns ranges: intervals of keys of one namespace. A range has a
// generation; a command names the range and the generation that its sender
// believes in and is refused when they are not the group's (invariant 5).
// Ranges are handed out by the root: the command that creates a bucket also
// creates its range and names a group. The group learns of it when the first
// command arrives: it answers "unknown range" and the sender proposes Adopt.
// Only a range at generation 1 is adopted, and a group keeps the row of every
// range it ever had, so a late duplicate cannot revive one that moved away.
//
// A [Client] is the [store.Rows] of a node: it finds range and leader and
// retries with the same (client, seq) until there is an answer. A [Server]
// holds the node's replicas and serves the calls.
//
// # How a row comes to refer to a blob
//
//  1. The gateway puts the blob; the receipt says which shards are owed.
//  2. Run carries the machine's command and the receipts. Before it proposes,
//     the leader compares each receipt's generation with its own map and adds
//     the slots that changed hands since: those shards may be at a disk that
//     is no holder any more. A false alarm costs one existence check. Its map
//     may be old as well: what a fill passed over is in the log (owing.go).
//  3. Apply: the age fence (a blob of 12 hours or more is refused), the rows,
//     the owed shards, and the deletion of what was replaced, all in one entry.
//
// A gateway that dies before 3 leaves an orphan. The scan asks Resolve, an
// entry of the same log, a day later: an earlier reference is seen, a later one
// fails at the fence, because group time never runs backwards.
//
// # Crashes
//
// The state machine has no state outside its rows and its effects are one
// Pebble batch with the applied index, so a restart continues exactly behind
// the last applied entry. The delete queue and the debts are worked off by the
// leader (package worker); every step of theirs is idempotent, so a second
// leader that believes in itself does no harm.
package meta
