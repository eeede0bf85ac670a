package machine

import (
	"bytes"
	"crypto/md5"

	"cairn/objectapi/checksum"
	"cairn/store"
)

// Part is a part in a listing.
type Part struct {
	Number    int // in an object: the position, the first being 1
	Size      int64
	Modified  store.Time
	MD5       [md5.Size]byte
	Algorithm checksum.Algorithm
	Sum       []byte // the raw checksum
}

// ETag returns the part's entity tag without quotes.
func (p *Part) ETag() string { return etag(p.MD5, 0, "") }

func (e *encoder) part(number int, p *partRec) {
	e.u16(uint16(number))
	e.u64(uint64(p.size))
	e.u64(uint64(p.modified))
	e.raw(p.md5[:])
	e.sum(p.alg, p.sum)
}

func (d *decoder) part() (p Part) {
	p.Number = int(d.u16())
	p.Size = d.size()
	p.Modified = d.time()
	copy(p.MD5[:], d.take(md5.Size))
	p.Algorithm, p.Sum = d.sum()
	return p
}

const listingParts = "list parts"

// partsQuery asks for a page of parts behind one. For the parts of an object,
// upload is not used.
//
// Format 1: header | key | 16 B upload id | u16 after | uvarint max.
type partsQuery struct {
	key    []byte
	upload UploadID
	after  int
	max    int
}

func (q *partsQuery) encode(op opcode) []byte {
	e := newCommand(op, q.key)
	e.raw(q.upload[:])
	e.u16(uint16(q.after))
	e.uvarint(uint64(q.max))
	return e.b
}

func decodePartsQuery(d *decoder) (q partsQuery, err error) {
	if q.key, err = d.key(listingParts); err != nil {
		return q, err
	}
	q.upload = d.upload()
	q.after = int(d.u16())
	n := d.uvarint()
	d.bad = d.bad || n > MaxPage
	q.max = int(n)
	return q, d.finish(store.KindInvalid, listingParts)
}

// readListParts answers with parts of an upload.
//
// Reply: u8 format | upload row | uvarint count | parts | u8 more.
func readListParts(rd store.Reader, d *decoder) ([]byte, error) {
	q, err := decodePartsQuery(d)
	if err != nil {
		return nil, err
	}
	up, err := loadUpload(rd, listingParts, q.key, q.upload)
	if err != nil {
		return nil, err
	}
	var parts encoder
	n, more, err := q.rows(rd, &parts)
	if err != nil {
		return nil, err
	}
	e := newEncoder()
	e.bytes(up.encode())
	e.uvarint(uint64(n))
	e.raw(parts.b)
	e.bool(more)
	return e.b, nil
}

// rows writes the upload's parts behind after, up to max, and reports how many
// it wrote and whether there are more.
func (q *partsQuery) rows(rd store.Reader, e *encoder) (n int, more bool, err error) {
	it, err := rd.Iter(colPart, q.key, keyAfter(q.key))
	if err != nil {
		return 0, false, err
	}
	defer func() { err = closeIter(it, err) }()
	if q.after >= MaxParts {
		return 0, false, nil
	}
	ok := it.SeekGE(q.key, rowSuffix(q.upload[:], q.after+1))
	for ; ok && bytes.HasPrefix(it.Suffix(), q.upload[:]); ok = it.Next() {
		if n == q.max {
			return n, true, nil
		}
		p, err := decodePartRec(it.Value())
		if err != nil {
			return 0, false, err
		}
		e.part(partNumber(it.Suffix()), p)
		n++
	}
	return n, false, nil
}

// readObjectParts answers with parts of the current object, by position. An
// object of one body has none.
//
// Reply: u8 format | head row without body | uvarint count | parts | u8 more.
func readObjectParts(rd store.Reader, d *decoder) ([]byte, error) {
	q, err := decodePartsQuery(d)
	if err != nil {
		return nil, err
	}
	head, err := loadHead(rd, q.key)
	if err != nil {
		return nil, err
	}
	if head == nil {
		return nil, fail(listingParts, q.key, store.KindNotFound, ReasonKey, "")
	}
	n := max(0, min(q.max, head.Parts-q.after))
	e := newEncoder()
	e.bytes((&objRec{Record: head.Record}).encode())
	e.uvarint(uint64(n))
	var x *indexRec
	for at := q.after; at < q.after+n; at++ {
		if x == nil || at%indexPage == 0 {
			if x, err = loadIndex(rd, q.key, head.Version, at/indexPage); err != nil {
				return nil, err
			}
		}
		if at%indexPage >= len(x.parts) {
			return nil, missingRow("part index row", q.key)
		}
		p, err := loadPart(rd, q.key, head.body.upload, x.parts[at%indexPage].number)
		if err != nil {
			return nil, err
		}
		e.part(at+1, p)
	}
	e.bool(q.after+n < head.Parts)
	return e.b, nil
}

// Upload is a multipart upload in progress, as its creation fixed it.
type Upload struct {
	Meta
	Initiated store.Time
	Algorithm checksum.Algorithm
	Type      checksum.Type
}

const readingUpload = "read upload"

// readUpload answers with an upload's row.
//
// Format 1: header | key | 16 B upload id. Reply: upload row.
func readUpload(rd store.Reader, d *decoder) ([]byte, error) {
	key, err := d.key(readingUpload)
	if err != nil {
		return nil, err
	}
	id := d.upload()
	if err := d.finish(store.KindInvalid, readingUpload); err != nil {
		return nil, err
	}
	up, err := loadUpload(rd, readingUpload, key, id)
	if err != nil {
		return nil, err
	}
	return up.encode(), nil
}

func decodeUpload(b []byte) (*Upload, error) {
	u, err := decodeUploadRec(b)
	if err != nil {
		return nil, err
	}
	return &Upload{Meta: u.Meta, Initiated: u.initiated, Algorithm: u.alg, Type: u.typ}, nil
}

func decodeParts(b []byte) (row []byte, parts []Part, more bool, err error) {
	d := newDecoder(b)
	row = d.bytes()
	n := d.count(2 + 8 + 8 + md5.Size + 1)
	parts = make([]Part, n)
	for i := range parts {
		parts[i] = d.part()
	}
	more = d.bool()
	return row, parts, more, d.finish(store.KindInternal, "reply")
}
