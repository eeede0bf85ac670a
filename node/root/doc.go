// Package root is the small replicated table that everything else starts from:
// nodes, disks, policies, placement groups, Raft groups, ranges, and the
// registry of names (buckets, volumes, filesystems, users, access keys).
//
// # Parts
//
// The root group is Raft group 0. A [Server] is a replica of it; its state
// machine (fsm.go) is a pure function over rows. Every command that changes a
// row raises the epoch. A [View] is a copy of the rows in memory; every node
// has one and keeps it up to date through a [Client], which asks any replica
// for "rows since epoch E" and waits for the answer. A replica answers from a
// ring of recent changes, or, to one that is too far behind, with all rows in
// pages followed by the changes since the first page.
//
// Liveness is separate and never durable: nodes send a heartbeat to the leader
// each second and get the state of all nodes back. A [Planner] runs at the
// leader: it forms the cluster once the expected nodes are there, gives up
// disks that are silent too long, retires those that were replaced, finds new
// homes for their shards, and brings fallback groups home that took data while a
// zone was away (rehome.go).
//
// A node that the root hears and the others cannot reach is found by the nodes'
// own calls to each other (probe.go); two zones must say so before it counts.
//
// # What goes on without the root
//
// With the root's quorum lost, views and liveness stand still and only
// topology, names and placement cannot change. Reads and writes of data go on.
//
// # Crashes
//
// A command is applied exactly once, by (client, seq). A client that dies
// between two commands leaves a state that the next one continues from: a name
// with its range is made in one command; placement rows change by
// compare-and-swap on their generation, so that two planners are harmless; a
// bucket that is half deleted stays in state "deleting" and can be deleted
// again.
package root
