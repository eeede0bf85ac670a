// Package fill puts shards where the map says they belong: one shard that is
// owed, or a whole slot of a placement group that has changed hands. It runs on
// the node that has the disk to be filled. Repair, drain and rebalancing are all
// this one mechanism.
//
// # A slot, step by step
//
// The root's row of a group says that slot i is at disk b now and was at disk a
// (prev[i]; a may be lost). The node of b sees that in its map and:
//
//  1. sends Fence(pg, gen) to every holder and to a. From then on they refuse
//     writes under an older row, so that what is written under it is either in
//     their lists or refused. Holders that do not answer are skipped; what they
//     accept in ignorance is found when the receipt's generation is compared at
//     commit (package meta) and by the comparison of indexes.
//  2. merges the lists of all that answer, by blob, minus tombstones, and brings
//     each blob's shard i to b: copied from a, or computed from k others. A
//     shard that is there already costs one look-up, so that a fill that is
//     broken off continues by starting over.
//  3. passes over a blob that cannot be rebuilt if its owner does not refer to
//     it: that is a put in flight or one that failed. The owner's group keeps
//     in its log that it was asked, so that, if the blob is committed later by a
//     receipt that is older than the row, the debt is recorded with it.
//     A blob that is referred to and has too few shards now stops the slot: it
//     is tried again a little later.
//     So do disks that do not answer, may come back, and could have a blob that
//     no other disk has: what is listed is brought in without waiting for them.
//  4. clears prev[i] by compare-and-swap. Only now may a drop its copies.
//
// Crashes: b dies: it starts over, or the planner gives the slot to c and a
// stays prev. a dies: the shards are computed instead. The root's leader dies:
// the state is the row. Nothing is ever removed before it is complete elsewhere
// (invariant 17).
//
// # Damage
//
// A shard that fails its checksum is marked by its disk when it is read, and the
// reader gets its bytes from the others. The node looks for marks on its disks
// every 15 seconds and replaces those shards.
//
// # Pace
//
// Each disk fills two slots at a time, of the groups that can lose fewest more
// shards, and all share a rate in bytes a second. A
// group that could not lose another shard is not held back.
package fill
