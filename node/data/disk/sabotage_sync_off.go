//go:build !sabotage_nofsync

package disk

// skipSync breaks the durability of Write on purpose when built with
// sabotage_nofsync, so that the tests prove they would notice.
const skipSync = false
