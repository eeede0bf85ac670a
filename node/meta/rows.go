package meta

import (
	"cairn/node/raftgroup"
	"cairn/store"
)

// reader is a machine's view of one namespace inside one range.
type reader struct {
	rows   raftgroup.Rows
	rng    *rangeRow
	mirror *mirror
	state  *mirrored // of mirror, when the view was made
}

var _ store.Reader = (*reader)(nil)

// NS returns the namespace.
func (r *reader) NS() store.NS { return r.rng.ns }

// RangeStart returns where the range begins.
func (r *reader) RangeStart() []byte { return r.rng.start }

// RangeEnd returns where the range ends.
func (r *reader) RangeEnd() []byte { return r.rng.end }

// Get reads a row of a key inside the range.
func (r *reader) Get(col store.Col, key, suffix []byte) ([]byte, bool, error) {
	if err := r.rng.check(col, key); err != nil {
		return nil, false, err
	}
	if !r.mirror.pins(col) {
		return r.rows.Get(rowKey(col, r.rng.ns, key, suffix))
	}
	if len(r.state.pinned) == 0 {
		return nil, false, nil
	}
	v, ok := r.state.pinned[string(rowKey(col, r.rng.ns, key, suffix))]
	return v, ok, nil
}

// Iter walks a column, cut to the range.
func (r *reader) Iter(col store.Col, lower, upper []byte) (store.Iterator, error) {
	if err := checkCol(col); err != nil {
		return nil, err
	}
	lower, upper = r.rng.clamp(lower, upper)
	lo := boundKey(col, r.rng.ns, lower)
	hi := appendPrefix(nil, col, r.rng.ns+1)
	if upper != nil {
		hi = boundKey(col, r.rng.ns, upper)
	}
	it, err := r.rows.Iter(lo, hi)
	if err != nil {
		return nil, err
	}
	return &iterator{it: it, col: col, ns: r.rng.ns}, nil
}

// iterator decodes row keys. A key that does not decode ends it with an error.
type iterator struct {
	it          *raftgroup.Iterator
	col         store.Col
	ns          store.NS
	key, suffix []byte
	buf         []byte
	err         error
}

func (i *iterator) load(ok bool) bool {
	if !ok || i.err != nil {
		return false
	}
	i.key, i.suffix, i.buf, i.err = splitKey(i.it.Key()[9:], i.buf)
	return i.err == nil
}

// Next moves to the next row.
func (i *iterator) Next() bool { return i.load(i.it.Next()) }

// SeekGE moves to the first row at or behind (key, suffix).
func (i *iterator) SeekGE(key, suffix []byte) bool {
	return i.load(i.it.SeekGE(rowKey(i.col, i.ns, key, suffix)))
}

// Key returns the row's key.
func (i *iterator) Key() []byte { return i.key }

// Suffix returns the row's suffix.
func (i *iterator) Suffix() []byte { return i.suffix }

// Value returns the row's value.
func (i *iterator) Value() []byte { return i.it.Value() }

// Close releases the iterator.
func (i *iterator) Close() error {
	if err := i.it.Close(); i.err == nil {
		i.err = err
	}
	return i.err
}

// txn is the view of one command.
type txn struct {
	reader
	tx     *raftgroup.Txn
	at     store.Time
	placed []receipt
	pins   []pin // changes of pinned rows
	err    error // a write outside the range: a bug, and the command has no effect
}

var _ store.Txn = (*txn)(nil)

// receipt is what a command says of a blob that it refers to first.
type receipt struct {
	blob    store.BlobID
	gen     uint32 // of the placement group's row that it was written under
	missing uint16
}

// Get reads a row of a key inside the range. The transaction's own changes of
// pinned rows are not in the mirror yet.
func (t *txn) Get(col store.Col, key, suffix []byte) ([]byte, bool, error) {
	if len(t.pins) > 0 && t.mirror.pins(col) && t.rng.check(col, key) == nil {
		return t.tx.Get(rowKey(col, t.rng.ns, key, suffix))
	}
	return t.reader.Get(col, key, suffix)
}

// Put writes a row.
func (t *txn) Put(col store.Col, key, suffix, value []byte) {
	if !t.owns(col, key) {
		return
	}
	row := rowKey(col, t.rng.ns, key, suffix)
	t.tx.Put(row, value)
	if t.mirror.pins(col) {
		t.pins = append(t.pins, pin{row, append([]byte{}, value...)})
	}
}

// Delete removes a row.
func (t *txn) Delete(col store.Col, key, suffix []byte) {
	if !t.owns(col, key) {
		return
	}
	row := rowKey(col, t.rng.ns, key, suffix)
	t.tx.Delete(row)
	if t.mirror.pins(col) {
		t.pins = append(t.pins, pin{key: row})
	}
}

func (t *txn) owns(col store.Col, key []byte) bool {
	err := t.rng.check(col, key)
	if t.err == nil {
		t.err = err
	}
	return err == nil
}

// Ref takes a blob in: it passes the age fence (invariant 3), it was not let go
// before, and what it is owed is recorded with it (invariant 1).
func (t *txn) Ref(blob store.BlobID) error {
	for _, p := range t.placed {
		if p.blob != blob {
			continue
		}
		if t.pastFence(blob) {
			return tooOld(blob, "it was written 12 hours ago or more, or a clock is that wrong; upload it again")
		}
		_, freed, err := t.tx.Get(freedKey(blob))
		if err != nil {
			return err
		}
		if freed {
			return tooOld(blob, "it was referred to and let go before; upload it again")
		}
		passed, err := passedOver(t.tx, p)
		if err != nil {
			return err
		}
		if missing := p.missing | passed; missing != 0 {
			t.tx.Put(debtKey(blob), encodeDebt(missing))
		}
		return nil
	}
	return store.Errorf(store.KindInvalid, "refer to blob", "%s came without a receipt", blob)
}

// pastFence reports whether a blob is too old for a new reference.
func (t *txn) pastFence(blob store.BlobID) bool {
	return t.at.CreatedSeconds()-int64(blob.Created()) >= fenceSeconds
}

func tooOld(blob store.BlobID, hint string) error {
	return &store.Error{Op: "refer to blob", Kind: store.KindTooOld, Resource: blob.String(), Hint: hint}
}

// Unref queues a blob for deletion. It is not referred to again: until the age
// fence sees to that, a row does.
func (t *txn) Unref(ref store.Ref) {
	due := uint32(max(t.at.CreatedSeconds(), 0)) + graceSeconds
	t.tx.Put(gcKey(due, ref.Blob), encodeGC(ref.Len))
	t.tx.Delete(debtKey(ref.Blob))
	if !t.pastFence(ref.Blob) {
		t.tx.Put(freedKey(ref.Blob), []byte{rowFormat})
	}
}
