package machine

import "cairn/store"

const deleting = "delete object"

// applyDelete removes the current object. Without one it has no
// effect and is no error, whatever the condition: what was to go is gone.
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
	if head != nil {
		if err := cond.check(deleting, key, head); err != nil {
			return nil, err
		}
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
