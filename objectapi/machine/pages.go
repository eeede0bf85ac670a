package machine

import (
	"context"

	"cairn/store"
)

// listed is an entry of a listing: a row, or a common prefix.
type listed[T any] struct {
	key   string
	group bool
	row   T
}

// decodeListing reads the reply of a listing of one range.
func decodeListing[T any](b []byte, row func(*decoder) (string, T)) (items []listed[T], next []byte, err error) {
	const leastRow = 40 // bytes, of a usual one; only a guess
	d := newTextDecoder(b)
	items = make([]listed[T], 0, min(len(b)/leastRow, MaxPage)+1)
	for mark := d.u8(); mark != markEnd && !d.bad; mark = d.u8() {
		var x listed[T]
		switch mark {
		case markRow:
			x.key, x.row = row(d)
		case markGroup:
			x.key, x.group = d.str(), true
		default:
			d.bad = true
		}
		items = append(items, x)
	}
	next = d.optional()
	return items, next, d.finish(store.KindInternal, "reply")
}

// listRanges runs the scan over as many ranges as it needs. It reports whether
// entries are left behind the page.
func listRanges[T any](ctx context.Context, c *Client, ns store.NS, op opcode, s scan, row func(*decoder) (string, T)) (items []listed[T], more bool, err error) {
	size := s.max
	want := size + 1 // one more tells whether there is more
	if size == 0 {
		want = 0
	}
	at := s.prefix
	if string(s.after) > string(at) {
		at = s.after
	}
	for {
		s.max = want - len(items)
		e := newEncoder()
		e.u8(uint8(op))
		e.scan(&s)
		reply, err := c.rows.Ask(ctx, ns, at, e.b)
		if err != nil {
			return nil, false, err
		}
		got, next, err := decodeListing(reply, row)
		if err != nil {
			return nil, false, err
		}
		if items == nil {
			items = got
		} else {
			items = append(items, got...)
		}
		if next == nil || len(items) >= want {
			break
		}
		at = next
		// All rows of a key are in one range, so none of the last key's are ahead.
		if n := len(items); n > 0 {
			s.after, s.afterRow = []byte(items[n-1].key), nil
		}
	}
	if len(items) > size {
		return items[:size], true, nil
	}
	return items, false, nil
}

// parted returns the rows and the common prefixes of items.
func parted[T any](items []listed[T]) (rows []T, groups []string) {
	rows = make([]T, 0, len(items))
	for _, x := range items {
		if x.group {
			groups = append(groups, x.key)
		} else {
			rows = append(rows, x.row)
		}
	}
	return rows, groups
}

// List selects a page of the objects of a bucket, in byte order of their keys.
type List struct {
	Prefix    string
	Delimiter string // of any length; empty: no common prefixes
	// After leaves out keys up to and including it. If it is a common prefix,
	// all that it stands for is left out.
	After string
	Max   int // 0 to MaxPage; common prefixes count
}

// ListPage is a page of a listing. Entries and Prefixes are each in byte order.
type ListPage struct {
	Entries  []Entry
	Prefixes []string // common prefixes
	More     bool
	Next     string // if More: what After must be for the next page
}

// List returns a page. Within one range it is a consistent snapshot; a page
// that spans ranges is made of one of each.
func (c *Client) List(ctx context.Context, ns store.NS, l List) (*ListPage, error) {
	s, err := newScan(listing, l.Prefix, l.Delimiter, l.After, l.Max)
	if err != nil {
		return nil, err
	}
	items, more, err := listRanges(ctx, c, ns, askList, s, func(d *decoder) (string, Entry) {
		x := d.entry()
		return x.Key, x
	})
	if err != nil {
		return nil, err
	}
	p := &ListPage{More: more}
	p.Entries, p.Prefixes = parted(items)
	if more {
		p.Next = items[len(items)-1].key
	}
	return p, nil
}

func newScan(op, prefix, delimiter, after string, max int) (scan, error) {
	if max < 0 || max > MaxPage {
		return scan{}, fail(op, []byte(prefix), store.KindInvalid, ReasonPage, "a page has 0 to 1,000 entries")
	}
	return scan{prefix: []byte(prefix), delimiter: []byte(delimiter), after: []byte(after), max: max}, nil
}

// ListUploads selects a page of the uploads of a bucket, in byte order of their
// keys, then by initiation.
type ListUploads struct {
	Prefix    string
	Delimiter string
	// After leaves out uploads of keys up to and including it; with AfterID,
	// those of key After that were initiated behind it are in. If After is a
	// common prefix, all that it stands for is left out.
	After   string
	AfterID UploadID
	Max     int
}

// UploadsPage is a page of uploads.
type UploadsPage struct {
	Entries  []UploadEntry
	Prefixes []string
	More     bool
	Next     string   // if More: what After must be for the next page,
	NextID   UploadID // and AfterID; zero behind a common prefix
}

// ListUploads returns a page.
func (c *Client) ListUploads(ctx context.Context, ns store.NS, l ListUploads) (*UploadsPage, error) {
	s, err := newScan(listingUploads, l.Prefix, l.Delimiter, l.After, l.Max)
	if err != nil {
		return nil, err
	}
	if l.AfterID != (UploadID{}) {
		s.afterRow = l.AfterID[:]
	}
	items, more, err := listRanges(ctx, c, ns, askListUploads, s, func(d *decoder) (string, UploadEntry) {
		x := d.uploadEntry()
		return x.Key, x
	})
	if err != nil {
		return nil, err
	}
	p := &UploadsPage{More: more}
	p.Entries, p.Prefixes = parted(items)
	if more {
		last := items[len(items)-1]
		p.Next, p.NextID = last.key, last.row.ID
	}
	return p, nil
}
