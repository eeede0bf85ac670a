//go:build !sabotage_nocrc

package disk

// skipReadCheck breaks invariant 15 on purpose when built with sabotage_nocrc,
// so that the tests prove they would notice.
const skipReadCheck = false
