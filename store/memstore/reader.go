package memstore

import (
	"bytes"

	"github.com/RaduBerinde/btreemap"

	"cairn/store"
)

// reader implements [store.Reader] on a clone of the rows that nobody writes.
type reader struct {
	ns    store.NS
	start []byte // first key of the range
	end   []byte // first key behind it; nil: the namespace's end
	rows  *rowTree
}

func (r *reader) NS() store.NS       { return r.ns }
func (r *reader) RangeStart() []byte { return r.start }
func (r *reader) RangeEnd() []byte   { return r.end }

// owns returns an error if key is not in the range.
func (r *reader) owns(key []byte) error {
	if bytes.Compare(key, r.start) < 0 || r.end != nil && bytes.Compare(key, r.end) >= 0 {
		return store.Errorf(store.KindInternal, "access row", "key %q is outside the range [%q, %q)", key, r.start, r.end)
	}
	return nil
}

func (r *reader) address(col store.Col, key, suffix []byte) rowKey {
	return rowKey{ns: r.ns, col: col, key: string(key), suffix: string(suffix)}
}

func (r *reader) Get(col store.Col, key, suffix []byte) ([]byte, bool, error) {
	if err := r.owns(key); err != nil {
		return nil, false, err
	}
	_, v, ok := r.rows.Get(r.address(col, key, suffix))
	return v, ok, nil
}

// Iter clips the bounds to the range.
func (r *reader) Iter(col store.Col, lower, upper []byte) (store.Iterator, error) {
	if bytes.Compare(lower, r.start) < 0 {
		lower = r.start
	}
	if upper == nil || r.end != nil && bytes.Compare(upper, r.end) > 0 {
		upper = r.end
	}
	it := &iterator{rows: r.rows, first: r.address(col, lower, nil)}
	if upper != nil {
		it.stop = btreemap.LT(r.address(col, upper, nil))
	} else {
		it.stop = btreemap.LT(rowKey{ns: r.ns, col: col + 1})
	}
	return it, nil
}

// iterator implements [store.Iterator]. Every move is a search from the root.
type iterator struct {
	rows    *rowTree
	first   rowKey
	stop    btreemap.UpperBound[rowKey]
	started bool
	ok      bool
	key     rowKey
	value   []byte
}

func (it *iterator) Next() bool {
	switch {
	case !it.started:
		return it.move(btreemap.GE(it.first))
	case !it.ok:
		return false
	}
	return it.move(btreemap.GT(it.key))
}

func (it *iterator) SeekGE(key, suffix []byte) bool {
	to := rowKey{ns: it.first.ns, col: it.first.col, key: string(key), suffix: string(suffix)}
	if compareRows(to, it.first) < 0 {
		to = it.first
	}
	return it.move(btreemap.GE(to))
}

// move goes to the first row at or behind from, inside the bounds.
func (it *iterator) move(from btreemap.LowerBound[rowKey]) bool {
	it.started, it.ok = true, false
	for k, v := range it.rows.Ascend(from, it.stop) {
		it.key, it.value, it.ok = k, v, true
		break
	}
	return it.ok
}

func (it *iterator) Key() []byte    { return []byte(it.key.key) }
func (it *iterator) Suffix() []byte { return []byte(it.key.suffix) }
func (it *iterator) Value() []byte  { return it.value }
func (it *iterator) Close() error   { return nil }
