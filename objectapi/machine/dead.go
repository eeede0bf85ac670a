package machine

import (
	"bytes"
	"encoding/binary"
	"math/bits"

	"cairn/store"
)

// deadRec is the value of a dead row: which parts of an upload wait for their
// end.
//
// Format 1: u8 format | u16 next | bytes only.
type deadRec struct {
	next int    // parts below are gone already
	only bitset // the parts that are dead; empty: all of the upload
}

// bitset holds part numbers, a bit each.
type bitset []byte

func (s *bitset) set(n int) {
	for len(*s) <= n/8 {
		*s = append(*s, 0)
	}
	(*s)[n/8] |= 1 << (n % 8)
}

// next returns the first member that is at least n; ok is false if there is none.
func (s bitset) next(n int) (member int, ok bool) {
	for i := n / 8; i < len(s); i++ {
		b := s[i]
		if i == n/8 {
			b &= 0xFF << (n % 8)
		}
		if b != 0 {
			return i*8 + bits.TrailingZeros8(b), true
		}
	}
	return 0, false
}

func (r *deadRec) encode() []byte {
	e := newEncoder()
	e.u16(uint16(r.next))
	e.bytes(r.only)
	return e.b
}

func decodeDeadRec(b []byte) (*deadRec, error) {
	d := newDecoder(b)
	r := &deadRec{next: int(d.u16())}
	r.only = d.bytes()
	d.bad = d.bad || len(r.only) > MaxParts/8+1
	return r, d.finish(store.KindCorrupt, "dead row")
}

// following returns the first part at or behind n that may be dead.
func (r *deadRec) following(n int) (int, bool) {
	if len(r.only) == 0 {
		return n, true
	}
	return r.only.next(n)
}

// bury frees up to about limit refs of the dead parts now and leaves the rest,
// if any, to Drain by a dead row. It replaces the upload's dead row, so r must
// name what that one names.
func bury(tx store.Txn, key []byte, id UploadID, r *deadRec, limit int) (left bool, err error) {
	left, err = r.drain(tx, key, id, limit)
	if err != nil {
		return false, err
	}
	if left {
		tx.Put(colDead, key, id[:], r.encode())
	} else {
		tx.Delete(colDead, key, id[:])
	}
	return left, nil
}

// drain deletes dead part rows and unrefs their blobs until a further row would
// exceed limit, where a row counts one and its refs one each. At least one row
// goes. It reports whether any are left.
func (r *deadRec) drain(tx store.Txn, key []byte, id UploadID, limit int) (left bool, err error) {
	it, err := tx.Iter(colPart, key, keyAfter(key))
	if err != nil {
		return false, err
	}
	defer func() { err = closeIter(it, err) }()
	n, more := r.following(r.next)
	for used := 0; more; n, more = r.following(n + 1) {
		if !it.SeekGE(key, rowSuffix(id[:], n)) || !bytes.HasPrefix(it.Suffix(), id[:]) {
			return false, nil
		}
		if found := partNumber(it.Suffix()); found != n {
			// Go on from the part that exists; it may not be a dead one.
			n = found - 1
			continue
		}
		p, err := decodePartRec(it.Value())
		if err != nil {
			return false, err
		}
		used += 1 + len(p.body.refs)
		if used > limit && used > 1+len(p.body.refs) {
			r.next = n
			return true, nil
		}
		for _, ref := range p.body.refs {
			tx.Unref(ref)
		}
		tx.Delete(colPart, key, it.Suffix())
	}
	return false, nil
}

// partNumber reads the number off a part row's suffix.
func partNumber(suffix []byte) int { return int(binary.BigEndian.Uint16(suffix[len(UploadID{}):])) }

// keyAfter returns the first key behind key.
func keyAfter(key []byte) []byte { return append(bytes.Clone(key), 0) }

// closeIter closes it and returns the first error of the two.
func closeIter(it store.Iterator, err error) error {
	if cerr := it.Close(); err == nil {
		err = cerr
	}
	return err
}
