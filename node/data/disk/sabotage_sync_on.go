//go:build sabotage_nofsync

package disk

const skipSync = true
