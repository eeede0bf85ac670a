package machine

import "cairn/store"

// freeObject drops what only r's row named: its blobs, its manifest, its parts.
// The caller replaces or deletes the row itself. It reports whether parts were
// left to Drain.
func freeObject(tx store.Txn, key []byte, r *objRec) (left bool, err error) {
	switch r.body.kind {
	case bodyRefs:
		unrefAll(tx, r.body.refs)
	case bodyManifest:
		refs, err := loadManifest(tx, key, r.Version)
		if err != nil {
			return false, err
		}
		unrefAll(tx, refs)
		tx.Delete(colManifest, key, rowSuffix(r.Version[:], 0))
	case bodyParts:
		for page := range r.body.pages {
			tx.Delete(colManifest, key, rowSuffix(r.Version[:], page))
		}
		return bury(tx, key, r.body.upload, &deadRec{}, inlineFree)
	}
	return false, nil
}

func unrefAll(tx store.Txn, refs []store.Ref) {
	for _, r := range refs {
		tx.Unref(r)
	}
}
