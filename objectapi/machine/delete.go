package machine

import "cairn/store"

const deleting = "delete object"

// applyDelete removes the current object. Without one, and without a
// condition, it has no effect and is no error.
//
// Format 1: header | key | cond. Reply: u8 format | u8 existed | u8 drain.
func applyDelete(tx store.Txn, d *decoder) ([]byte, error) {
	key, err := d.key(deleting)
	if err != nil {
		return nil, err
	}
	cond := d.cond()
	if err := d.finish(store.KindInvalid, deleting); err != nil {
		return nil, err
	}
	head, err := loadHead(tx, key)
	if err != nil {
		return nil, err
	}
	if err := cond.check(deleting, key, head); err != nil {
		return nil, err
	}
	left := false
	if head != nil {
		if left, err = freeObject(tx, key, head); err != nil {
			return nil, err
		}
		tx.Delete(colHead, key, nil)
	}
	e := newEncoder()
	e.bool(head != nil)
	e.bool(left)
	return e.b, nil
}
