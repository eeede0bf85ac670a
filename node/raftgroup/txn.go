package raftgroup

import (
	"bytes"
	"encoding/binary"
	"fmt"

	"github.com/cockroachdb/pebble/v2"
)

// Txn is what one command sees and changes. Its writes are collected and reach
// the rows together when Apply returns without an error.
type Txn struct {
	rows groupRows // all earlier commands

	ops    []txnOp
	arena  []byte         // what the next ops' keys and values are copied to
	newest map[string]int // key → its last Put or Delete in ops
	ranges []int          // DeleteRanges in ops
	done   []func() error // releases values that Get returned
	iters  map[*Iterator]struct{}
}

type txnOp struct {
	kind       pebble.InternalKeyKind
	key, value []byte // value: of a Set; the end, of a RangeDelete
}

func newTxn(id GroupID, b *pebble.Batch) *Txn {
	return &Txn{rows: groupRows{r: b, id: id}, newest: map[string]int{}, iters: map[*Iterator]struct{}{}}
}

var _ Rows = (*Txn)(nil)

// Get implements [Rows]. It sees the transaction's own writes.
func (t *Txn) Get(key []byte) (value []byte, ok bool, err error) {
	at := -1
	if i, mine := t.newest[string(key)]; mine {
		at = i
	}
	for _, i := range t.ranges {
		op := &t.ops[i]
		if i > at && bytes.Compare(op.key, key) <= 0 && bytes.Compare(key, op.value) < 0 {
			return nil, false, nil
		}
	}
	if at >= 0 {
		op := &t.ops[at]
		return op.value, op.kind == pebble.InternalKeyKindSet, nil
	}
	v, done, err := t.rows.get(key)
	if done == nil {
		return nil, false, err
	}
	t.done = append(t.done, done)
	return v, true, nil
}

// Iter implements [Rows]. It does not see the transaction's own writes.
func (t *Txn) Iter(lower, upper []byte) (*Iterator, error) {
	it, err := t.rows.iter(lower, upper)
	if err != nil {
		return nil, err
	}
	t.iters[it] = struct{}{}
	it.onClose = func() { delete(t.iters, it) }
	return it, nil
}

// Put writes a row. The slices may be reused after the call. A key in one of
// the host's columns panics.
func (t *Txn) Put(key, value []byte) {
	t.add(pebble.InternalKeyKindSet, key, value)
	t.newest[string(key)] = len(t.ops) - 1
}

// Delete removes a row; a missing one is no error.
func (t *Txn) Delete(key []byte) {
	t.add(pebble.InternalKeyKindDelete, key, nil)
	t.newest[string(key)] = len(t.ops) - 1
}

// DeleteRange removes all rows with lower ≤ key < upper.
func (t *Txn) DeleteRange(lower, upper []byte) {
	if bytes.Compare(lower, upper) >= 0 {
		return
	}
	if lower[0] < colDedupe && bytes.Compare(upper, []byte{colDedupe}) > 0 {
		panic("raftgroup: DeleteRange over the host's column")
	}
	t.add(pebble.InternalKeyKindRangeDelete, lower, upper)
	t.ranges = append(t.ranges, len(t.ops)-1)
}

func (t *Txn) add(kind pebble.InternalKeyKind, key, value []byte) {
	if len(key) == 0 || hostColumn(key[0]) {
		panic(fmt.Sprintf("raftgroup: key %x is in the host's columns", key))
	}
	// Earlier ops keep the array that they were copied to when it is outgrown.
	start, mid := len(t.arena), len(t.arena)+len(key)
	t.arena = append(append(t.arena, key...), value...)
	end := len(t.arena)
	t.ops = append(t.ops, txnOp{kind: kind, key: t.arena[start:mid:mid], value: t.arena[mid:end:end]})
}

// release ends the reads of the command. The batch may be changed after it.
func (t *Txn) release() {
	for _, done := range t.done {
		_ = done() // closing a value that was read has nothing left to fail
	}
	t.done = t.done[:0]
	for it := range t.iters {
		_ = it.Close() // left open by a command that failed half-way
	}
}

// apply moves the writes into b.
func (t *Txn) apply(b *pebble.Batch) error {
	for i := range t.ops {
		op := &t.ops[i]
		var d *pebble.DeferredBatchOp
		switch op.kind {
		case pebble.InternalKeyKindSet:
			d = b.SetDeferred(prefixLen+len(op.key), len(op.value))
			copy(d.Value, op.value)
		case pebble.InternalKeyKindDelete:
			d = b.DeleteDeferred(prefixLen + len(op.key))
		default:
			d = b.DeleteRangeDeferred(prefixLen+len(op.key), prefixLen+len(op.value))
			putRowKey(d.Value, t.rows.id, op.value)
		}
		putRowKey(d.Key, t.rows.id, op.key)
		if err := d.Finish(); err != nil {
			return fmt.Errorf("write row: %w", err)
		}
	}
	return nil
}

// prefixLen is how much longer a row's physical key is.
const prefixLen = 4

// putRowKey writes the physical key of a row into dst, which has room for just it.
func putRowKey(dst []byte, id GroupID, key []byte) {
	binary.BigEndian.PutUint32(dst, uint32(id))
	copy(dst[prefixLen:], key)
}

// reset makes t fit for the next command.
func (t *Txn) reset() {
	t.ops, t.ranges, t.arena = t.ops[:0], t.ranges[:0], t.arena[:0]
	clear(t.newest)
}
