// Package health says how a cluster is. It computes; it remembers nothing, so
// that what it says can never be what was true once.
//
// # Sources
//
//   - the root's rows (this node's copy): what there should be;
//   - liveness and disk beats (the root leader's opinion, spread by heartbeat);
//   - reports: every node is asked, side by side and within [AskTime], what it
//     holds, leads, owes and fills, and what time it has.
//
// A node that does not answer is "unknown" or "down since", never missing: the
// rows say that it exists.
//
// # Results
//
// [Collect] gathers the three into [Facts], the pure rest makes a [Status] of
// them: the tree of zones, nodes and disks; what the data and each metadata group
// still survive, in words; what is being repaired; and the [Condition]s that hold.
// A condition has a stable name, says what it affects and what to do next. The
// registry (conditions.go) is the one list of them; `cairn doctor` goes through
// all of it and also tells what is well.
//
// The JSON of the types here is the admin API's and the command line's. Fields are
// added, never renamed or removed.
//
// [Serve] answers for one node. Nothing here starts a goroutine that outlives a
// call.
package health
