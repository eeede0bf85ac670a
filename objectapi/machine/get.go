package machine

import "cairn/store"

const getting = "get object"

// window writes w.
func (e *encoder) window(w *Window) {
	e.u64(uint64(w.Off))
	e.u64(uint64(w.Len))
	e.u64(uint64(w.Suffix))
	e.u16(uint16(w.Part))
	e.raw(w.Version[:])
}

func (d *decoder) window() (w Window) {
	w.Off, w.Len, w.Suffix = int64(d.u64()), int64(d.u64()), int64(d.u64())
	w.Part = int(d.u16())
	copy(w.Version[:], d.take(len(w.Version)))
	d.bad = d.bad || w.Off < 0 || w.Suffix < 0
	return w
}

// readGet answers with the record and the places of the bytes in the window, so
// that a GET needs one query. What it reads depends on the window and not on
// the size of the object.
//
// Format 1: header | key | window. Reply: u8 format | head row without body |
// u64 off | u64 len | u64 next | pieces.
func readGet(rd store.Reader, d *decoder) ([]byte, error) {
	key, err := d.key(getting)
	if err != nil {
		return nil, err
	}
	w := d.window()
	if err := d.finish(store.KindInvalid, getting); err != nil {
		return nil, err
	}
	head, err := loadHead(rd, key)
	if err != nil {
		return nil, err
	}
	if head == nil {
		return nil, fail(getting, key, store.KindNotFound, ReasonKey, "")
	}
	if w.Version != (VersionID{}) && w.Version != head.Version {
		return nil, fail(getting, key, store.KindConflict, ReasonChanged, "it was replaced meanwhile; start again")
	}
	o := Object{}
	if o.Off, o.Len, err = clip(rd, key, head, &w); err != nil {
		return nil, err
	}
	loc := locator{rd: rd, key: key, head: head, off: o.Off, end: o.Off + o.Len}
	if err := loc.run(); err != nil {
		return nil, err
	}
	o.Record, o.Pieces, o.Next = head.Record, loc.pieces, loc.off
	return encodeObject(&o), nil
}

// clip turns the window into bytes of the object.
func clip(rd store.Reader, key []byte, head *objRec, w *Window) (off, n int64, err error) {
	switch {
	case w.Part > 0:
		return partWindow(rd, key, head, w.Part)
	case w.Suffix > 0:
		n = min(w.Suffix, head.Size)
		return head.Size - n, n, nil
	}
	off = min(w.Off, head.Size)
	n = head.Size - off
	if w.Len >= 0 {
		n = min(n, w.Len)
	}
	return off, n, nil
}

// partWindow returns the bytes of the part at position n, the first being 1.
func partWindow(rd store.Reader, key []byte, head *objRec, n int) (off, size int64, err error) {
	if n > max(head.Parts, 1) {
		return 0, 0, fail(getting, key, store.KindInvalid, ReasonPartNumber, "")
	}
	if head.body.kind != bodyParts {
		return 0, head.Size, nil
	}
	x, err := loadIndex(rd, key, head.Version, (n-1)/indexPage)
	if err != nil {
		return 0, 0, err
	}
	at := (n - 1) % indexPage
	if at >= len(x.parts) {
		return 0, 0, missingRow("part index row", key)
	}
	off = x.start
	for _, p := range x.parts[:at] {
		off += p.size
	}
	return off, x.parts[at].size, nil
}

// encodeObject writes the reply of a Get. Pieces are: all refs as the waist
// packs them, uvarint count, and per piece u8 1 and its bytes, or u8 0 and
// uvarint offset and length in the next ref.
func encodeObject(o *Object) []byte {
	rec := objRec{Record: o.Record}
	head := rec.encode()
	large := len(head)
	var refs []store.Ref
	for _, p := range o.Pieces {
		if large += len(p.Data); p.Data == nil {
			refs = append(refs, p.Ref)
		}
	}
	e := newEncoderFor(large)
	e.bytes(head)
	e.u64(uint64(o.Off))
	e.u64(uint64(o.Len))
	e.u64(uint64(o.Next))
	e.b = store.AppendRefs(e.b, refs)
	e.uvarint(uint64(len(o.Pieces)))
	for _, p := range o.Pieces {
		e.bool(p.Data != nil)
		if p.Data != nil {
			e.bytes(p.Data)
			continue
		}
		e.uvarint(uint64(p.Off))
		e.uvarint(uint64(p.Len))
	}
	return e.b
}

func decodeObject(b []byte) (*Object, error) {
	d := newDecoder(b)
	head := d.bytes()
	o := &Object{Off: d.size(), Len: d.size(), Next: d.size()}
	refs := d.refs()
	n := d.count(2)
	for i := 0; i < n && !d.bad; i++ {
		var p Piece
		switch {
		case d.bool():
			p.Data = d.bytes()
			p.Len = len(p.Data)
		case len(refs) == 0:
			d.bad = true
		default:
			p.Ref, refs = refs[0], refs[1:]
			off, length := d.uvarint(), d.uvarint()
			d.bad = d.bad || off > store.MaxBlob || length > store.MaxBlob
			p.Off, p.Len = int(off), int(length)
		}
		o.Pieces = append(o.Pieces, p)
	}
	d.bad = d.bad || len(refs) > 0
	if err := d.finish(store.KindInternal, "reply"); err != nil {
		return nil, err
	}
	rec, err := decodeObjRec(head)
	if err != nil {
		return nil, err
	}
	o.Record = rec.Record
	return o, nil
}
