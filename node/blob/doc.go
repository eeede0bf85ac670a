// Package blob is the client side of the blob layer: it cuts a payload into
// shards, writes them to the holders of a placement group, decides when a write
// may be acknowledged, and reads blobs back around what is missing or damaged.
// It is the [store.Blobs] of a node.
//
// # Put, step by step
//
//  1. The policy follows from class and size; small blobs are copies.
//  2. A placement group is picked whose holders are all usable: of the normal
//     ones, else of the fallback ones, else any that can still meet the rule at
//     node level. A node is usable if the cluster thinks it is up and this
//     process has not just failed to reach it.
//  3. All n shards are sent at once. When all are fsynced, the blob is placed.
//  4. A shard that failed, or that is missing 250 ms after the acknowledgement
//     rule was first met (|acked| − max per domain ≥ k), is given up: the
//     receipt lists it as owed, and the command that first refers to the blob
//     records the debt (invariant 1). A late shard is still written.
//  5. If the rule cannot be met, the blob is abandoned and written again under
//     a new id to another group, three times at most. Nothing refers to the old
//     one: it is an orphan.
//
// A crash at any step leaves an unreferenced blob, never half of a referenced
// one. A holder that crashes after its acknowledgement has fsynced.
//
// # Get
//
// A range read asks only the data shards that it needs. A shard that fails its
// checksum, is not there, or is later than its disk usually is, is rebuilt from
// k others, for the asked range only. Every byte returned passed a crc32c check
// in this process (invariant 15).
//
// # Memory
//
// The payloads being put are bounded, and so is what reads take beyond the bytes
// asked for, to rebuild a shard or to overtake a late one: a rebuild waits for its
// turn, an overtaking is left out. What is asked for, the caller bounds.
//
// Payloads live in buffers of package arena. A shard that is still being
// written when Put returns pins its buffer: FreeBuffer gives it back when the
// last such write has ended.
package blob
