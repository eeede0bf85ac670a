package store

// Col is a column of rows. A column belongs to one machine; 0x10-0x1f are the
// object machine's, 0x20-0x2f the file machine's, 0x30-0x3f the block
// machine's. Others are the host's own.
type Col uint8

// Machine is what a service brings to the metadata host: its rows and the
// commands on them. The host runs it on every replica of every range of the
// service's kind, replicates its commands, and keeps its rows.
//
// Apply and References must be pure functions of the rows and their arguments:
// no clock, no randomness, no map-iteration order, no state of their own. Every
// command and every row starts with a format byte; a machine that meets one it
// does not know returns [KindUnknownFormat], and the replica halts.
type Machine interface {
	// Kind returns the service's kind.
	Kind() Kind

	// Apply runs one committed command at group time at. An error means that
	// the command had no effect: the host drops what tx had collected and
	// returns the error to the caller of [Rows.Do]. A command runs exactly once
	// even if its sender retried it.
	Apply(tx Txn, at Time, cmd []byte) (reply []byte, err error)

	// Read answers a query on a consistent snapshot that holds every command
	// acknowledged before the query arrived.
	Read(rd Reader, query []byte) (reply []byte, err error)

	// Inspect looks at a command before it is replicated. An error refuses it:
	// a command that no replica could apply must not reach the log. frees tells
	// that it does nothing but give space back, so that it runs while the disks
	// are at their reserve.
	Inspect(cmd []byte) (frees bool, err error)

	// References tells for each of the blobs whether a row of key refers to it.
	// The host asks before it deletes an orphan: "no" is the death of the blob.
	References(rd Reader, key []byte, blobs []BlobID) (named []bool, err error)
}

// Pinner is a [Machine] with columns of few and small rows at which every command
// and query looks. The host may keep their rows in memory. A query may see such
// a row as a command left it that was not acknowledged when the query arrived,
// and other rows as they were before that command.
type Pinner interface {
	Pinned() []Col
}

// Reader gives the rows of one namespace inside one range. Returned slices are
// valid until the call of Apply or Read ends and must not be changed.
//
// A row's address is (column, key, suffix); rows of a column are ordered by
// key, then suffix, both bytewise. Keys and suffixes are opaque bytes.
type Reader interface {
	// NS returns the namespace.
	NS() NS

	// Get returns the row's value; ok is false if there is none. Inside Apply
	// it sees the transaction's own writes.
	Get(col Col, key, suffix []byte) (value []byte, ok bool, err error)

	// Iter returns an iterator over col for lower ≤ key < upper; a nil upper
	// means the end of the range. It starts before the first row. Inside Apply
	// it sees all earlier commands but not the transaction's own writes.
	Iter(col Col, lower, upper []byte) (Iterator, error)

	// RangeStart returns the first key of this range: empty for the namespace's
	// first one. A row under it is one that a machine keeps for each range.
	RangeStart() []byte

	// RangeEnd returns the first key behind this range, or nil if the range
	// reaches the namespace's end. A scan that stops there goes on in the next
	// range.
	RangeEnd() []byte
}

// Iterator walks rows in order. Close it before the call that made it ends.
type Iterator interface {
	// Next moves to the next row (the first one at first) and reports whether
	// there is one.
	Next() bool
	// SeekGE moves to the first row at or behind (key, suffix), within the
	// iterator's bounds, and reports whether there is one.
	SeekGE(key, suffix []byte) bool
	// Key, Suffix and Value describe the current row. They are valid until the
	// iterator moves.
	Key() []byte
	Suffix() []byte
	Value() []byte
	// Close releases the iterator and returns the error, if any, that ended it
	// early.
	Close() error
}

// Txn is the view a command has of its range. All its effects happen together
// or, if Apply returns an error, not at all.
type Txn interface {
	Reader

	// Put writes a row. The slices may be reused after the call.
	Put(col Col, key, suffix, value []byte)

	// Delete removes a row; a missing one is no error.
	Delete(col Col, key, suffix []byte)

	// Ref declares that a row now refers to a new blob. The blob must be among
	// the receipts given to [Rows.Do]; it is refused with [KindTooOld] when it
	// is 12 hours or more old in group time. Owed shards are recorded with it.
	// Taking a ref over from another row needs no call.
	Ref(blob BlobID) error

	// Unref declares that no row refers to the blob any more. It is deleted
	// from the disks 15 minutes later at the earliest.
	Unref(ref Ref)
}
