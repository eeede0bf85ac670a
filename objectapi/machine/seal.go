package machine

import "cairn/store"

const sealing = "seal bucket"

// sealRow is the value of a seal row.
//
// Format 1: u8 format | u64 when.
func sealRow(at store.Time) []byte {
	e := newEncoder()
	e.u64(uint64(at))
	return e.b
}

// isSealed reads the one row that every command and query looks at. It lies
// under the range's first key because a reader sees only its own range; a range
// that splits off has none, which is why [Client.Seal] walks the ranges twice.
func isSealed(rd store.Reader) (bool, error) {
	v, ok, err := rd.Get(colSeal, rd.RangeStart(), nil)
	if err != nil || !ok {
		return false, err
	}
	d := newDecoder(v)
	d.time()
	return true, d.finish(store.KindCorrupt, "seal row")
}

// checkOpen returns the error that all but a few commands and queries get once
// the bucket is sealed.
func checkOpen(rd store.Reader) error {
	sealed, err := isSealed(rd)
	if err != nil || !sealed {
		return err
	}
	return fail("use bucket", nil, store.KindNotFound, ReasonBucket, "")
}

// applySeal closes the range to everything if it has no objects. Uploads do
// not hinder it: Drain ends them afterwards.
//
// Format 1: header. Reply: u8 format | u8 was sealed before | u8 further range,
// its first key.
func applySeal(tx store.Txn, at store.Time, d *decoder) ([]byte, error) {
	if err := d.finish(store.KindInvalid, sealing); err != nil {
		return nil, err
	}
	for _, col := range []store.Col{colHead, colVersion} {
		key, err := firstKey(tx, col, nil)
		if err != nil {
			return nil, err
		}
		if key != nil {
			return nil, fail(sealing, nil, store.KindNotEmpty, ReasonBucket, "delete its objects first")
		}
	}
	sealed, err := isSealed(tx)
	if err != nil {
		return nil, err
	}
	if !sealed {
		tx.Put(colSeal, tx.RangeStart(), nil, sealRow(at))
	}
	return sealReply(tx, sealed), nil
}

// applyUnseal opens the range again.
//
// Format and reply are those of [applySeal].
func applyUnseal(tx store.Txn, d *decoder) ([]byte, error) {
	if err := d.finish(store.KindInvalid, sealing); err != nil {
		return nil, err
	}
	sealed, err := isSealed(tx)
	if err != nil {
		return nil, err
	}
	tx.Delete(colSeal, tx.RangeStart(), nil)
	return sealReply(tx, sealed), nil
}

func sealReply(rd store.Reader, sealed bool) []byte {
	e := newEncoder()
	e.bool(sealed)
	e.optional(rd.RangeEnd())
	return e.b
}
