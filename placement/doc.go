// Package placement decides which disks hold which shards. It is pure: no I/O,
// no clock, no randomness but what is seeded by its arguments, so every replica
// and every test computes the same answer. Nothing here is durable; the root
// group stores what it returns. Values are not guarded by locks: a [Topology]
// never changes, and rows given to a function are changed only where its
// comment says so.
//
// # Concepts
//
// A [Topology] is zones, nodes and disks. A [Policy] is a code (k data and m
// parity shards) with the failure domain an acknowledged write survives. A
// placement group ([PG]) is a row that names the disk of each of its n = k+m
// shards; a blob carries the number of its group, so moving a group never
// touches the metadata of its blobs.
//
// Rows are explicit. The algorithm only proposes: [Build] makes the first rows,
// [NewPlan] the moves after the topology changed, [Replace] the targets of lost
// shards. The root group takes a proposal as a compare-and-swap on the row's
// generation, so two planners are harmless.
//
// # What a row promises
//
// No two shards of a group are on one disk, ever. No two are on one node, and
// no zone holds more than the code can lose, unless the topology allows nothing
// better; [Check] reports both. A fallback row relaxes the failure domain, never
// the number of shards: it leaves one zone (or node) out and takes writes while
// that one is away.
//
// # Life of a move
//
// [PG.Begin] sets holders[i] = to and prev[i] = from and raises the generation:
// from here new shards go to the new disk, while the old disk keeps what it has.
// [PG.Done] clears prev[i] once the new disk is complete. prev[i] is also kept
// when the old disk is lost: it is the durable mark that slot i is not yet
// complete, so the health of a group follows from its row and the states of its
// disks alone. If the target dies, Begin with another target keeps prev[i].
// A disk therefore leaves a row only when the slot is complete elsewhere or the
// disk is out; at every step each shard that existed is still named by the row.
package placement
