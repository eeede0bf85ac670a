// Package simulator plays events (a disk, a node, a zone lost; nodes added,
// drained, reweighted) on placement rows, executes every move they cause, and
// checks after each step, against its own record of where complete shards are:
//
//   - a disk leaves a row only when the slot is complete elsewhere or the disk is
//     out;
//   - no two shards of a group are on one disk, and none is placed worse than the
//     topology allows;
//   - background work never lowers redundancy.
//
// It reports balance, moved against least possible moves, rebuild times under
// bandwidth caps, and groups by redundancy left. It is deterministic: the seed
// fixes everything. [Cluster] is for tests, [Run] prints a report.
package simulator
