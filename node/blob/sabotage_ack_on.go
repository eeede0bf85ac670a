//go:build sabotage_ackk

package blob

const ackAtK = true
