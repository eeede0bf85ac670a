package machine

import (
	"bytes"

	"cairn/store"
)

const draining = "drain"

// applyDrain frees a page of the dead parts of a key. If its sender says so and
// the range is sealed, it then ends uploads of the key, a page at a time: only
// who has sealed every range may say so, for a seal may still be taken back.
// Without anything to do it has no effect.
//
// Format 1: header | key | u8 uploads too. Reply: u8 format | u8 more.
func applyDrain(tx store.Txn, d *decoder) ([]byte, error) {
	key, err := d.key(draining)
	if err != nil {
		return nil, err
	}
	uploads := d.bool()
	if err := d.finish(store.KindInvalid, draining); err != nil {
		return nil, err
	}
	more, found, err := drainFirst(tx, key)
	if err != nil {
		return nil, err
	}
	if !found && uploads {
		sealed, err := isSealed(tx)
		if err != nil {
			return nil, err
		}
		if sealed {
			if more, err = buryUploads(tx, key); err != nil {
				return nil, err
			}
		}
	}
	e := newEncoder()
	e.bool(more)
	return e.b, nil
}

// drainFirst frees a page of the key's first dead row. It reports whether there
// may be more to do, and whether there was a dead row.
func drainFirst(tx store.Txn, key []byte) (more, found bool, err error) {
	it, err := tx.Iter(colDead, key, keyAfter(key))
	if err != nil {
		return false, false, err
	}
	defer func() { err = closeIter(it, err) }()
	if !it.Next() {
		return false, false, nil
	}
	var id UploadID
	copy(id[:], it.Suffix())
	r, err := decodeDeadRec(it.Value())
	if err != nil {
		return false, false, err
	}
	if _, err := bury(tx, key, id, r, drainPage); err != nil {
		return false, false, err
	}
	return true, true, nil
}

// buryUploads turns a page of the key's uploads into dead rows. It reports
// whether there were any.
func buryUploads(tx store.Txn, key []byte) (any bool, err error) {
	it, err := tx.Iter(colUpload, key, keyAfter(key))
	if err != nil {
		return false, err
	}
	defer func() { err = closeIter(it, err) }()
	for n := 0; n < drainUploads && it.Next(); n++ {
		any = true
		tx.Put(colDead, key, it.Suffix(), (&deadRec{}).encode())
		tx.Delete(colUpload, key, it.Suffix())
	}
	return any, nil
}

// readDead finds the next key in the range that Drain has work for.
//
// Format 1: header | first key to look at | u8 uploads too. Reply: u8 format | u8 found, key |
// u8 further range, its first key.
func readDead(rd store.Reader, d *decoder) ([]byte, error) {
	from, uploads := d.bytes(), d.bool()
	if err := d.finish(store.KindInvalid, draining); err != nil {
		return nil, err
	}
	cols := []store.Col{colDead}
	if uploads {
		cols = append(cols, colUpload)
	}
	var found []byte
	for _, col := range cols {
		key, err := firstKey(rd, col, from)
		if err != nil {
			return nil, err
		}
		if key != nil && (found == nil || bytes.Compare(key, found) < 0) {
			found = key
		}
	}
	e := newEncoder()
	e.optional(found)
	e.optional(rd.RangeEnd())
	return e.b, nil
}

// firstKey returns the key of col's first row at or behind from in the range,
// nil if there is none.
func firstKey(rd store.Reader, col store.Col, from []byte) (key []byte, err error) {
	it, err := rd.Iter(col, from, nil)
	if err != nil {
		return nil, err
	}
	defer func() { err = closeIter(it, err) }()
	if it.Next() {
		key = bytes.Clone(it.Key())
	}
	return key, nil
}

// optional writes bytes that may be missing.
func (e *encoder) optional(b []byte) {
	e.bool(b != nil)
	if b != nil {
		e.bytes(b)
	}
}

func (d *decoder) optional() []byte {
	if !d.bool() {
		return nil
	}
	return append([]byte{}, d.bytes()...)
}
