package machine

import "cairn/store"

// bodyKind says where the bytes of an object or a part are. Numbers are stored.
type bodyKind uint8

const (
	bodyNone     bodyKind = 0 // there are no bytes
	bodyInline   bodyKind = 1 // in the row
	bodyRefs     bodyKind = 2 // in blobs that the row names
	bodyPacked   bodyKind = 3 // in a shared blob; kept for the packer
	bodyManifest bodyKind = 4 // in blobs that a colManifest row names
	bodyParts    bodyKind = 5 // in the colPart rows of an upload
)

// headRefs is how many refs a head row names itself.
const headRefs = 4

// body is where the bytes are.
type body struct {
	kind   bodyKind
	inline []byte      // bodyInline
	refs   []store.Ref // bodyRefs
	upload UploadID    // bodyParts
	pages  int         // bodyParts: how many colManifest rows index the parts
}

// body writes the kind and what belongs to it. A manifest is found by the
// object's version, and so needs nothing more.
func (e *encoder) body(b *body) {
	e.u8(uint8(b.kind))
	switch b.kind {
	case bodyInline:
		e.bytes(b.inline)
	case bodyRefs:
		e.b = store.AppendRefs(e.b, b.refs)
	case bodyParts:
		e.raw(b.upload[:])
		e.uvarint(uint64(b.pages))
	}
}

func (d *decoder) body() body {
	b := body{kind: bodyKind(d.u8())}
	switch b.kind {
	case bodyNone, bodyManifest:
	case bodyInline:
		b.inline = d.bytes()
	case bodyRefs:
		b.refs = d.refs()
	case bodyParts:
		copy(b.upload[:], d.take(len(b.upload)))
		pages := d.uvarint()
		d.bad = d.bad || pages > MaxParts/indexPage+1
		b.pages = int(pages)
	default:
		d.unknown(uint8(b.kind))
	}
	return b
}

// content is the data that a command brings for one object or part: bytes for
// the row, or the blobs that hold them.
type content struct {
	inline []byte
	refs   []store.Ref
}

// content writes c as a body of one of the two kinds that a command may bring.
func (e *encoder) content(c *content) {
	if len(c.refs) > 0 {
		e.body(&body{kind: bodyRefs, refs: c.refs})
		return
	}
	e.body(&body{kind: bodyInline, inline: c.inline})
}

func (d *decoder) content() content {
	b := d.body()
	d.bad = d.bad || b.kind != bodyInline && b.kind != bodyRefs
	return content{inline: b.inline, refs: b.refs}
}

// check refuses content that is not size bytes.
func (c *content) check(op string, key []byte, size int64) error {
	if size > MaxSingle {
		return fail(op, key, store.KindTooLarge, ReasonObject, "upload it in parts")
	}
	sum := int64(len(c.inline))
	for _, r := range c.refs {
		if r.Len == 0 || r.Len > store.MaxBlob {
			sum = -1
			break
		}
		sum += int64(r.Len)
	}
	if sum != size || len(c.inline) > MaxInline || len(c.refs) > MaxRefs {
		return fail(op, key, store.KindInvalid, ReasonBody, "")
	}
	return nil
}

// take makes the refs those of a row, and returns the body for that row. It
// does not write the manifest that more than max refs need.
func (c *content) take(tx store.Txn, max int) (body, error) {
	for _, r := range c.refs {
		if err := tx.Ref(r.Blob); err != nil {
			return body{}, err
		}
	}
	switch {
	case len(c.refs) > max:
		return body{kind: bodyManifest}, nil
	case len(c.refs) > 0:
		return body{kind: bodyRefs, refs: c.refs}, nil
	case len(c.inline) > 0:
		return body{kind: bodyInline, inline: c.inline}, nil
	}
	return body{}, nil
}
