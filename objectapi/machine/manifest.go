package machine

import "cairn/store"

// The refs of a PUT that does not fit its head row.
//
// Format 1: u8 format | a list of refs as the waist encodes it.

func encodeManifest(refs []store.Ref) []byte {
	return store.AppendRefs([]byte{formatV1}, refs)
}

func decodeManifest(b []byte) ([]store.Ref, error) {
	d := newDecoder(b)
	refs := d.refs()
	return refs, d.finish(store.KindCorrupt, "manifest row")
}

// loadManifest returns the refs of a PUT whose head row says that they are in a
// row of their own. That row is written and deleted with the head row, so that
// it is not there is damage.
func loadManifest(rd store.Reader, key []byte, v VersionID) ([]store.Ref, error) {
	b, ok, err := rd.Get(colManifest, key, rowSuffix(v[:], 0))
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, missingRow("manifest row", key)
	}
	return decodeManifest(b)
}

// missingRow is the error that a row which another names is not there.
func missingRow(what string, key []byte) error {
	return store.Errorf(store.KindCorrupt, "read object", "%s of %q is missing", what, key)
}

// indexRec is a page of a multipart object's index: up to indexPage parts by
// their position in the object.
//
// Format 1: u8 format | u64 offset of the first part in the object | uvarint
// count | per part: uvarint part number, uvarint size.
type indexRec struct {
	start int64
	parts []indexPart
}

type indexPart struct {
	number int
	size   int64
}

func (x *indexRec) encode() []byte {
	e := newEncoder()
	e.u64(uint64(x.start))
	e.uvarint(uint64(len(x.parts)))
	for _, p := range x.parts {
		e.uvarint(uint64(p.number))
		e.uvarint(uint64(p.size))
	}
	return e.b
}

func decodeIndexRec(b []byte) (*indexRec, error) {
	d := newDecoder(b)
	x := &indexRec{start: d.size()}
	n := d.count(2)
	d.bad = d.bad || n == 0 || n > indexPage
	for i := 0; i < n && !d.bad; i++ {
		number, size := d.uvarint(), d.uvarint()
		d.bad = d.bad || number == 0 || number > MaxParts || size > MaxSingle
		x.parts = append(x.parts, indexPart{int(number), int64(size)})
	}
	return x, d.finish(store.KindCorrupt, "part index row")
}

// loadIndex returns a page of a multipart object's index. As for loadManifest, a
// missing one is damage.
func loadIndex(rd store.Reader, key []byte, v VersionID, page int) (*indexRec, error) {
	b, ok, err := rd.Get(colManifest, key, rowSuffix(v[:], page))
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, missingRow("part index row", key)
	}
	return decodeIndexRec(b)
}

// writeIndex writes the pages of parts and returns how many there are.
func writeIndex(tx store.Txn, key []byte, v VersionID, parts []indexPart) (pages int) {
	start := int64(0)
	for len(parts) > 0 {
		x := indexRec{start: start, parts: parts[:min(len(parts), indexPage)]}
		tx.Put(colManifest, key, rowSuffix(v[:], pages), x.encode())
		for _, p := range x.parts {
			start += p.size
		}
		parts = parts[len(x.parts):]
		pages++
	}
	return pages
}

// findPage returns the page whose parts hold offset off. It searches the pages,
// whose first offsets ascend, in about log2 of their number reads: five for
// 10,000 parts.
func findPage(rd store.Reader, key []byte, r *objRec, off int64) (x *indexRec, page int, err error) {
	lo, hi := 0, r.body.pages-1 // the page is in [lo, hi]
	for {
		mid := (lo + hi + 1) / 2
		if x, err = loadIndex(rd, key, r.Version, mid); err != nil {
			return nil, 0, err
		}
		switch {
		case x.start > off:
			hi = mid - 1
		case lo == hi:
			return x, mid, nil
		default:
			lo = mid
		}
		if hi < lo {
			return nil, 0, missingRow("part index row", key)
		}
	}
}
