//go:build !sabotage_ackk

package blob

// ackAtK is true in builds that break the acknowledgement rule on purpose, which
// the tests must catch.
const ackAtK = false
