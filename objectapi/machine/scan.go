package machine

import (
	"bytes"

	"cairn/store"
)

// scan is one page of a listing of a column inside one range: rows in order,
// with keys that share what lies between the prefix and the next delimiter
// rolled up into one group. A group costs one seek, however many rows it has.
type scan struct {
	col       store.Col
	prefix    []byte
	delimiter []byte // empty: no groups
	after     []byte // rows of this key and before are left out; empty: none
	afterRow  []byte // if set, rows of key after behind this suffix are in
	max       int
}

func (e *encoder) scan(s *scan) {
	e.bytes(s.prefix)
	e.bytes(s.delimiter)
	e.bytes(s.after)
	e.bytes(s.afterRow)
	e.uvarint(uint64(s.max))
}

// scan reads a scan of col. The asker's numbers are bounded here: a page is the
// most that one query costs.
func (d *decoder) scan(col store.Col) *scan {
	s := &scan{col: col, prefix: d.bytes(), delimiter: d.bytes(), after: d.bytes(), afterRow: d.bytes()}
	n := d.uvarint()
	// One more than a page, so that the asker learns whether there is more.
	d.bad = d.bad || n > MaxPage+1
	s.max = int(n)
	return s
}

// run calls row or group for each entry. It returns the first key of the next
// range if the page goes on there, else nil.
func (s *scan) run(rd store.Reader, row func(store.Iterator) error, group func([]byte)) (next []byte, err error) {
	upper := prefixEnd(s.prefix)
	it, err := rd.Iter(s.col, s.prefix, upper)
	if err != nil {
		return nil, err
	}
	defer func() { err = closeIter(it, err) }()
	ok := s.start(it)
	n := 0
	for ; ok && n < s.max; n++ {
		g := s.groupOf(it.Key())
		if g == nil {
			if err := row(it); err != nil {
				return nil, err
			}
			ok = it.Next()
			continue
		}
		group(g)
		ok = seekBehind(it, bytes.Clone(g))
	}
	end := rd.RangeEnd()
	if n < s.max && end != nil && (upper == nil || bytes.Compare(end, upper) < 0) {
		return end, nil
	}
	return nil, nil
}

// start moves it to the first row of the page.
func (s *scan) start(it store.Iterator) bool {
	switch {
	case len(s.after) == 0 || bytes.Compare(s.after, s.prefix) < 0:
		return it.Next()
	case bytes.Equal(s.groupOf(s.after), s.after):
		return seekBehind(it, s.after)
	case len(s.afterRow) > 0:
		return it.SeekGE(s.after, keyAfter(s.afterRow))
	}
	return it.SeekGE(keyAfter(s.after), nil)
}

// seekBehind moves it behind all keys that begin with group.
func seekBehind(it store.Iterator, group []byte) bool {
	end := prefixEnd(group)
	return end != nil && it.SeekGE(end, nil)
}

// groupOf returns the common prefix that key is rolled up into, nil if none.
func (s *scan) groupOf(key []byte) []byte {
	if len(s.delimiter) == 0 || !bytes.HasPrefix(key, s.prefix) {
		return nil
	}
	i := bytes.Index(key[len(s.prefix):], s.delimiter)
	if i < 0 {
		return nil
	}
	return key[:len(s.prefix)+i+len(s.delimiter)]
}

// prefixEnd returns the first key behind all that begin with prefix, nil if
// there is none.
func prefixEnd(prefix []byte) []byte {
	for i := len(prefix) - 1; i >= 0; i-- {
		if prefix[i] != 0xFF {
			end := bytes.Clone(prefix[:i+1])
			end[i]++
			return end
		}
	}
	return nil
}
