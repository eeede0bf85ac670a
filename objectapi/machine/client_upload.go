package machine

import (
	"context"
	"crypto/md5"
	"encoding/hex"
	"math/rand/v2"

	"cairn/objectapi/checksum"
	"cairn/store"
)

// CreateUpload starts a multipart upload of key. What u says is fixed by it;
// u.Initiated is not looked at.
func (c *Client) CreateUpload(ctx context.Context, ns store.NS, key string, u *Upload) (UploadID, error) {
	cmd := createCmd{key: []byte(key), nonce: rand.Uint64(), Meta: u.Meta, alg: u.Algorithm, typ: u.Type}
	reply, err := c.rows.Do(ctx, ns, cmd.key, cmd.encode())
	if err != nil {
		return UploadID{}, err
	}
	d := newDecoder(reply)
	id := d.upload()
	return id, d.finish(store.KindInternal, "reply")
}

// Upload returns an upload in progress.
func (c *Client) Upload(ctx context.Context, ns store.NS, key string, id UploadID) (*Upload, error) {
	k := []byte(key)
	e := newCommand(askUpload, k)
	e.raw(id[:])
	reply, err := c.rows.Ask(ctx, ns, k, e.b)
	if err != nil {
		return nil, err
	}
	return decodeUpload(reply)
}

// PutPart is a part to be added.
type PutPart struct {
	Body
	Number int // 1 to MaxParts
	Size   int64
	MD5    [md5.Size]byte
	// Algorithm and Sum are the part's checksum. It must be of the upload's
	// algorithm if the upload has one.
	Algorithm checksum.Algorithm
	Sum       []byte
}

// PutPart adds p to the upload, or replaces the part of its number. It is
// durable on return. The result is the part's modification time.
func (c *Client) PutPart(ctx context.Context, ns store.NS, key string, id UploadID, p *PutPart) (store.Time, error) {
	if p.Number < 1 || p.Number > MaxParts {
		return 0, fail(puttingPart, []byte(key), store.KindInvalid, ReasonPartNumber, "parts are numbered 1 to 10,000")
	}
	cmd := partCmd{
		key: []byte(key), upload: id, number: p.Number, size: p.Size, md5: p.MD5,
		content: p.content(), alg: p.Algorithm, sum: p.Sum,
	}
	reply, err := c.rows.Do(ctx, ns, cmd.key, cmd.encode(), p.Placed...)
	if err != nil {
		return 0, err
	}
	d := newDecoder(reply)
	at := d.time()
	return at, d.finish(store.KindInternal, "reply")
}

// ListParts returns up to limit parts of an upload behind part number after,
// with the upload, and whether there are more.
func (c *Client) ListParts(ctx context.Context, ns store.NS, key string, id UploadID, after, limit int) (*Upload, []Part, bool, error) {
	q := partsQuery{key: []byte(key), upload: id, after: clamp(after, MaxParts), max: clamp(limit, MaxPage)}
	reply, err := c.rows.Ask(ctx, ns, q.key, q.encode(askListParts))
	if err != nil {
		return nil, nil, false, err
	}
	row, parts, more, err := decodeParts(reply)
	if err != nil {
		return nil, nil, false, err
	}
	up, err := decodeUpload(row)
	return up, parts, more, err
}

// Complete is how an upload is to become an object.
type Complete struct {
	Cond  Cond
	Parts []CompletePart // ascending by number; gaps are allowed
	// Size, if not nil, is what the parts must add up to.
	Size *int64
	// Checksum is what the object's must be: its Type if that is set, its value
	// if Algorithm is set.
	Checksum Checksum
}

// CompletePart is a part as its uploader knows it.
type CompletePart struct {
	Number int
	ETag   string // without quotes
	// Algorithm and Sum, if set, must be the part's checksum.
	Algorithm checksum.Algorithm
	Sum       []byte
}

// Complete makes the listed parts the current object of key and frees the
// others. It is durable on return. Repeated with the same list within 24 hours
// of its success, while the object is still the current one, it succeeds again
// and has no effect.
func (c *Client) Complete(ctx context.Context, ns store.NS, key string, id UploadID, in *Complete) (*Info, error) {
	cmd := completeCmd{
		key: []byte(key), upload: id, cond: in.Cond, nonce: rand.Uint32(), size: in.Size, expect: in.Checksum,
		parts: make([]listedPart, len(in.Parts)),
	}
	for i, p := range in.Parts {
		l := &cmd.parts[i]
		l.number, l.alg, l.sum = p.Number, p.Algorithm, p.Sum
		if n, err := hex.Decode(l.md5[:], []byte(p.ETag[:min(len(p.ETag), 2*md5.Size)])); err != nil || n != md5.Size || len(p.ETag) != 2*md5.Size {
			return nil, cmd.invalid(ReasonPart)
		}
		if p.Number < 1 || p.Number > MaxParts {
			return nil, cmd.invalid(ReasonPart)
		}
	}
	reply, err := c.rows.Do(ctx, ns, cmd.key, cmd.encode())
	if err != nil {
		return nil, err
	}
	return decodeInfo(reply)
}

// Abort ends an upload and frees its parts. drain says that [Client.Drain]
// should be called for this key soon.
func (c *Client) Abort(ctx context.Context, ns store.NS, key string, id UploadID) (drain bool, err error) {
	k := []byte(key)
	e := newCommand(opAbort, k)
	e.raw(id[:])
	reply, err := c.rows.Do(ctx, ns, k, e.b)
	if err != nil {
		return false, err
	}
	d := newDecoder(reply)
	drain = d.bool()
	return drain, d.finish(store.KindInternal, "reply")
}
