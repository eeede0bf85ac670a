//go:build sabotage_nocrc

package disk

const skipReadCheck = true
