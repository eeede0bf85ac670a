// Package placement decides which disks hold which shards. It is pure: no I/O,
// no clock, no randomness but what is seeded by its arguments.
package placement
