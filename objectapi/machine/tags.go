package machine

import "cairn/store"

const tagging = "set tags"

// applySetTags replaces the tags of the current object and nothing else: ETag,
// version and modification time stay.
//
// Format 1: header | key | pairs. Reply: u8 format.
func applySetTags(tx store.Txn, d *decoder) ([]byte, error) {
	key, err := d.key(tagging)
	if err != nil {
		return nil, err
	}
	tags := d.pairs()
	if err := d.finish(store.KindInvalid, tagging); err != nil {
		return nil, err
	}
	if err := checkTags(tagging, key, tags); err != nil {
		return nil, err
	}
	head, err := loadHead(tx, key)
	if err != nil {
		return nil, err
	}
	if head == nil {
		return nil, fail(tagging, key, store.KindNotFound, ReasonKey, "")
	}
	head.Tags = tags
	tx.Put(colHead, key, nil, head.encode())
	return newEncoder().b, nil
}
