package machine

import (
	"bytes"

	"cairn/store"
)

// view reads the rows of a family.
type view struct{ rd store.Reader }

func (v view) get(col store.Col, suffix []byte) ([]byte, bool, error) {
	return v.rd.Get(col, Key, suffix)
}

// load reads a row; it returns nil if there is none.
func load[T any, P interface {
	*T
	wirer
}](v view, col store.Col, suffix []byte, what string) (*T, error) {
	b, ok, err := v.get(col, suffix)
	if err != nil || !ok {
		return nil, err
	}
	rec := new(T)
	return rec, decode(b, P(rec), store.KindCorrupt, what)
}

// cursor walks the rows of one column.
type cursor struct{ it store.Iterator }

// rows returns a cursor over col; seek it first. Close it.
func (v view) rows(col store.Col) (cursor, error) {
	it, err := v.rd.Iter(col, Key, keyEnd)
	return cursor{it}, err
}

// seek moves to the first row at or behind suffix and reports whether there is
// one.
func (c cursor) seek(suffix []byte) bool { return c.it.SeekGE(Key, suffix) }

// under moves to the first row at or behind suffix and reports whether it has
// the prefix.
func (c cursor) under(suffix, prefix []byte) bool {
	return c.seek(suffix) && bytes.HasPrefix(c.suffix(), prefix)
}

func (c cursor) next() bool     { return c.it.Next() }
func (c cursor) suffix() []byte { return c.it.Suffix() }
func (c cursor) value() []byte  { return c.it.Value() }

// close ends the walk and returns the first error of the two.
func (c cursor) close(err error) error {
	if cerr := c.it.Close(); err == nil {
		err = cerr
	}
	return err
}

// walk calls f for the rows of col whose suffix has the prefix, beginning at
// from, until f says stop.
func (v view) walk(col store.Col, prefix, from []byte, f func(suffix, value []byte) (stop bool, err error)) (err error) {
	c, err := v.rows(col)
	if err != nil {
		return err
	}
	defer func() { err = c.close(err) }()
	for ok := c.seek(from); ok && bytes.HasPrefix(c.suffix(), prefix); ok = c.next() {
		stop, err := f(c.suffix(), c.value())
		if err != nil || stop {
			return err
		}
	}
	return nil
}

// change is a command at work: the rows as it sees them, and what it has
// collected. Iterators see the rows as they were before the command, get sees
// its own writes; so rows are found by iterators and read by get.
type change struct {
	view
	tx    store.Txn
	at    store.Time
	fam   *familyRec
	tally tally
	gone  map[string]bool // chunk rows that it has deleted, by suffix

	token, request tokenHash // of the command, if it carries a token
}

func newChange(tx store.Txn, at store.Time) *change {
	c := &change{view: view{tx}, tx: tx, at: at, gone: make(map[string]bool)}
	c.tally.init(c)
	return c
}

func (c *change) put(col store.Col, suffix []byte, rec wirer) {
	c.tx.Put(col, Key, suffix, encode(rec))
}

func (c *change) delete(col store.Col, suffix []byte) { c.tx.Delete(col, Key, suffix) }

// commit makes the collected counts rows.
func (c *change) commit() error {
	if err := c.tally.commit(); err != nil {
		return err
	}
	if c.fam != nil {
		c.put(colFamily, nil, c.fam)
	}
	return nil
}

// family returns the family's record for changing; commit stores it.
func (c *change) family() (*familyRec, error) {
	if c.fam != nil {
		return c.fam, nil
	}
	f, err := load[familyRec](c.view, colFamily, nil, "family row")
	if err != nil {
		return nil, err
	}
	if f == nil {
		f = &familyRec{}
	}
	c.fam = f
	return f, nil
}

// familyRec is what is known of all volumes of the family.
//
// Format 1: u8 format | u32 last branch | u32 last snapshot | u64 blobs | u64
// bytes | u64 live pages.
type familyRec struct {
	lastBranch   Branch
	lastSnapshot SnapshotID
	blobs        uint64 // referred to
	bytes        uint64 // their payloads
	live         uint64 // pages of them that rows name
}

func (f *familyRec) wire(c *coder) {
	num32(c, &f.lastBranch)
	num32(c, &f.lastSnapshot)
	c.u64(&f.blobs)
	c.u64(&f.bytes)
	c.u64(&f.live)
}
