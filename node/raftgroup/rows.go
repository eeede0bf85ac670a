package raftgroup

import (
	"errors"
	"fmt"

	"github.com/cockroachdb/pebble/v2"
)

// groupRows are a group's rows in a Pebble reader.
type groupRows struct {
	r  pebble.Reader
	id GroupID
}

// get returns the value and, if it was found, what must be closed when it is
// used no more.
func (g groupRows) get(key []byte) (value []byte, done func() error, err error) {
	if len(key) == 0 || hostColumn(key[0]) {
		return nil, nil, nil
	}
	v, closer, err := g.r.Get(rowKey(g.id, key))
	if errors.Is(err, pebble.ErrNotFound) {
		return nil, nil, nil
	} else if err != nil {
		return nil, nil, fmt.Errorf("read row: %w", err)
	}
	return v, closer.Close, nil
}

func (g groupRows) iter(lower, upper []byte) (*Iterator, error) {
	lo, hi := clip(g.id, lower, upper)
	it, err := g.r.NewIter(&pebble.IterOptions{LowerBound: lo, UpperBound: hi})
	if err != nil {
		return nil, fmt.Errorf("read rows: %w", err)
	}
	return &Iterator{it: it, id: g.id}, nil
}

// Iterator walks rows in key order. It starts before the first row. Close it.
type Iterator struct {
	it      *pebble.Iterator
	id      GroupID
	started bool
	onClose func()
}

// Next moves to the next row and reports whether there is one.
func (i *Iterator) Next() bool {
	if !i.started {
		i.started = true
		return i.skip(i.it.First())
	}
	return i.skip(i.it.Next())
}

// SeekGE moves to the first row at or behind key, within the bounds, and
// reports whether there is one.
func (i *Iterator) SeekGE(key []byte) bool {
	i.started = true
	return i.skip(i.it.SeekGE(rowKey(i.id, key)))
}

// skip jumps over the host's rows.
func (i *Iterator) skip(valid bool) bool {
	if valid && i.it.Key()[4] == colDedupe {
		return i.it.SeekGE(rowKey(i.id, []byte{colDedupe + 1}))
	}
	return valid
}

// Key returns the current row's key, valid until the iterator moves.
func (i *Iterator) Key() []byte { return i.it.Key()[4:] }

// Value returns the current row's value, valid until the iterator moves.
func (i *Iterator) Value() []byte { return i.it.Value() }

// Close releases the iterator and returns the error, if any, that ended it
// early.
func (i *Iterator) Close() error {
	if i.it == nil {
		return nil
	}
	err := i.it.Close()
	i.it = nil
	if i.onClose != nil {
		i.onClose()
	}
	return err
}

// storedRows are the rows as they are now, for Applier.Restored. Values are
// copied.
type storedRows struct{ groupRows }

// Get implements Rows.
func (s storedRows) Get(key []byte) ([]byte, bool, error) {
	v, done, err := s.get(key)
	if done == nil {
		return nil, false, err
	}
	defer done()
	return append([]byte{}, v...), true, nil
}

// Iter implements Rows.
func (s storedRows) Iter(lower, upper []byte) (*Iterator, error) { return s.iter(lower, upper) }
