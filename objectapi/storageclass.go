package objectapi

import (
	"cairn/objectapi/s3err"
	"cairn/store"
)

// standard is the storage class of objects that name none.
const standard = "STANDARD"

// classes places S3's storage classes. Archive classes and intelligent tiering
// are placed as standard and can be read at once; their names are kept.
var classes = map[string]store.Class{
	standard:              store.ClassStandard,
	"REDUCED_REDUNDANCY":  store.ClassStandard,
	"STANDARD_IA":         store.ClassEconomy,
	"ONEZONE_IA":          store.ClassOneZone,
	"INTELLIGENT_TIERING": store.ClassStandard,
	"GLACIER_IR":          store.ClassStandard,
	"GLACIER":             store.ClassStandard,
	"DEEP_ARCHIVE":        store.ClassStandard,
}

// storageClass returns the name to keep, empty for STANDARD, and the class to
// place an object of the named storage class in.
func storageClass(name string) (kept string, class store.Class, err error) {
	if name == "" || name == standard {
		return "", store.ClassStandard, nil
	}
	class, ok := classes[name]
	if !ok {
		return "", 0, s3err.New(s3err.InvalidStorageClass).With("StorageClassRequested", name)
	}
	return name, class, nil
}

// shownClass returns the storage class as listings show it.
func shownClass(kept string) string {
	if kept == "" {
		return standard
	}
	return kept
}
