package machine

import (
	"cairn/store"
)

// locator collects the pieces of [off, end) of an object; off moves up to end,
// or to where the reply is full.
type locator struct {
	rd       store.Reader
	key      []byte
	head     *objRec
	off, end int64
	pieces   []Piece
}

// run fills pieces. For a PUT it reads at most one row besides the head; for a
// multipart object, the pages of the index that the window touches, found by
// search, and the row of each part that it touches.
func (l *locator) run() error {
	if l.off >= l.end {
		return nil
	}
	switch l.head.body.kind {
	case bodyManifest:
		refs, err := loadManifest(l.rd, l.key, l.head.Version)
		if err != nil {
			return err
		}
		l.addBody(0, &body{kind: bodyRefs, refs: refs})
	case bodyParts:
		return l.addParts()
	default:
		l.addBody(0, &l.head.body)
	}
	return nil
}

// full reports whether the reply takes no more pieces.
func (l *locator) full() bool { return len(l.pieces) >= maxPieces }

// addBody adds the pieces of a body that begins at start in the object.
func (l *locator) addBody(start int64, b *body) {
	if b.kind == bodyInline {
		if from, to := l.overlap(start, int64(len(b.inline))); from < to {
			l.pieces = append(l.pieces, Piece{Data: b.inline[from:to], Len: to - from})
			l.off += int64(to - from)
		}
		return
	}
	for _, r := range b.refs {
		if l.full() {
			return
		}
		if from, to := l.overlap(start, int64(r.Len)); from < to {
			l.pieces = append(l.pieces, Piece{Ref: r, Off: from, Len: to - from})
			l.off += int64(to - from)
		}
		start += int64(r.Len)
	}
}

// overlap returns which of the n bytes at start are those at the front of what
// is still wanted.
func (l *locator) overlap(start, n int64) (from, to int) {
	lo, hi := max(l.off, start), min(l.end, start+n)
	return int(lo - start), int(hi - start)
}

// addParts walks the index from the part that holds off.
func (l *locator) addParts() error {
	x, page, err := findPage(l.rd, l.key, l.head, l.off)
	if err != nil {
		return err
	}
	for {
		if err := l.addPage(x); err != nil {
			return err
		}
		if page++; l.off >= l.end || l.full() {
			return nil
		}
		if page >= l.head.body.pages {
			return missingRow("part index row", l.key)
		}
		if x, err = loadIndex(l.rd, l.key, l.head.Version, page); err != nil {
			return err
		}
	}
}

// addPage adds the parts of a page that the window touches. Parts without bytes
// are passed over.
func (l *locator) addPage(x *indexRec) error {
	start := x.start
	for _, p := range x.parts {
		if l.off >= l.end || l.full() {
			return nil
		}
		if start+p.size > l.off {
			part, err := loadPart(l.rd, l.key, l.head.body.upload, p.number)
			if err != nil {
				return err
			}
			l.addBody(start, &part.body)
		}
		start += p.size
	}
	return nil
}

// loadPart returns a part that an index names.
func loadPart(rd store.Reader, key []byte, id UploadID, number int) (*partRec, error) {
	v, ok, err := rd.Get(colPart, key, rowSuffix(id[:], number))
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, missingRow("part row", key)
	}
	return decodePartRec(v)
}
