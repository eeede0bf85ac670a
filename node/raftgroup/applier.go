package raftgroup

import (
	"iter"

	"cairn/store"
)

// Applier is the state machine of a group. Its state is the group's rows and
// nothing else.
//
// All methods of one group are called by one goroutine at a time.
type Applier interface {
	// Apply runs one committed command at group time at. It must be a pure
	// function of the rows, at and cmd: no clock, no randomness, no map order.
	//
	// An error means no effect: what tx collected is dropped, and the error, a
	// [store.Error], is the proposer's. Three kinds mean instead that this
	// replica cannot go on, and halt it: [store.KindUnknownFormat],
	// [store.KindCorrupt] and [store.KindInternal]; so does a panic.
	//
	// cmd is valid until Apply returns. The reply is kept and must not be
	// changed afterwards.
	Apply(tx *Txn, at store.Time, cmd []byte) (reply []byte, err error)

	// Restored tells that the rows are now these: once before the first Apply,
	// and again after a snapshot was installed. A mirror in memory is rebuilt
	// here.
	Restored(rows Rows) error
}

// CommitObserver is an Applier that keeps a mirror of its rows in memory.
type CommitObserver interface {
	// Committed tells that commands up to log index took effect and are visible
	// to readers. The changes, in order, and their bytes are valid until it
	// returns. Applied but not yet told commands do not survive a halt: the
	// mirror never runs ahead of the rows.
	Committed(index uint64, at store.Time, changes iter.Seq[Change])
}

// Change is one change of the rows.
type Change struct {
	Key   []byte
	Value []byte // nil for a deletion
	End   []byte // not nil: all rows with Key ≤ key < End were deleted
}

// Deleted reports whether the change took rows away.
func (c Change) Deleted() bool { return c.Value == nil }

// Rows gives the rows of one group in key order. A key is the bytes behind the
// group number; its first byte is the column. Columns 0x00, 0x01 and 0x03 are
// the host's own and are not shown.
type Rows interface {
	// Get returns the row's value, valid until the transaction or snapshot
	// ends; ok is false if there is none.
	Get(key []byte) (value []byte, ok bool, err error)

	// Iter returns an iterator over lower ≤ key < upper, before the first row.
	// A nil upper means the end of the group. A transaction's iterator sees
	// all earlier commands but not the transaction's own writes.
	Iter(lower, upper []byte) (*Iterator, error)
}
