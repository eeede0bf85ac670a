package health

import (
	"cairn/node/root"
	"cairn/store"
)

// countNames counts the entries of the registry by kind.
func countNames(v *root.View) map[string]int {
	return map[string]int{
		"buckets":     v.NameCount(store.NameBucket),
		"volumes":     v.NameCount(store.NameVolume),
		"filesystems": v.NameCount(store.NameFilesystem),
		"users":       v.NameCount(store.NameUser),
		"access_keys": v.NameCount(store.NameAccessKey),
	}
}
