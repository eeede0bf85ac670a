package machine

import (
	"context"
	"crypto/md5"
	"math/rand/v2"

	"cairn/objectapi/checksum"
	"cairn/store"
)

// Client runs the commands and queries of the objects of a store. Errors are
// [store.Error]s; the constants named Reason are the table of those that the
// machine makes, and those of [store.Rows] come as they are.
//
// After an error of [store.KindTimeout], or the context's own, a command may
// have taken effect. Blobs that were given to it must then not be given to
// another command: they are either referred to, or orphans that are collected.
type Client struct{ rows store.Rows }

// NewClient returns a client of rows.
func NewClient(rows store.Rows) *Client { return &Client{rows: rows} }

// Body is the data of one PUT or one part: bytes kept in the row (at most
// [MaxInline]), or the receipts of the blobs that hold it, in order.
type Body struct {
	Inline []byte
	Placed []store.Placed
}

func (b *Body) content() content {
	c := content{inline: b.Inline}
	for _, p := range b.Placed {
		c.refs = append(c.refs, p.Ref)
	}
	return c
}

// Put is an object to be made.
type Put struct {
	Meta
	Body
	Cond     Cond
	Size     int64
	MD5      [md5.Size]byte
	Override string // ETag instead of the MD5
	// Algorithm and Sum are the checksum of the whole body; None: none.
	Algorithm checksum.Algorithm
	Sum       []byte
}

// Put makes p the current object of key. It is durable on return.
func (c *Client) Put(ctx context.Context, ns store.NS, key string, p *Put) (*Info, error) {
	cmd := putCmd{
		key: []byte(key), cond: p.Cond, nonce: rand.Uint32(), Meta: p.Meta, size: p.Size, md5: p.MD5,
		content: p.content(), alg: p.Algorithm, sum: p.Sum, override: p.Override,
	}
	reply, err := c.rows.Do(ctx, ns, cmd.key, cmd.encode(), p.Placed...)
	if err != nil {
		return nil, err
	}
	return decodeInfo(reply)
}

// Get returns the current object of key, and where the bytes in w are. It names
// at most 1,024 pieces: if o.Next is below o.Off+o.Len, ask again from there
// with w.Version set.
func (c *Client) Get(ctx context.Context, ns store.NS, key string, w Window) (*Object, error) {
	k := []byte(key)
	e := newCommand(askGet, k)
	e.window(&w)
	reply, err := c.rows.Ask(ctx, ns, k, e.b)
	if err != nil {
		return nil, err
	}
	return decodeObject(reply)
}

// Head returns the current object of key.
func (c *Client) Head(ctx context.Context, ns store.NS, key string) (*Record, error) {
	o, err := c.Get(ctx, ns, key, Window{})
	if err != nil {
		return nil, err
	}
	return &o.Record, nil
}

// Deleted says what a Delete did.
type Deleted struct {
	Existed bool
	Drain   bool // call [Client.Drain] for this key soon: freed data waits for it
}

// Delete removes the current object of key. Without an object and without a
// condition it succeeds.
func (c *Client) Delete(ctx context.Context, ns store.NS, key string, cond Cond) (Deleted, error) {
	k := []byte(key)
	e := newCommand(opDelete, k)
	e.cond(&cond)
	reply, err := c.rows.Do(ctx, ns, k, e.b)
	if err != nil {
		return Deleted{}, err
	}
	d := newDecoder(reply)
	out := Deleted{Existed: d.bool(), Drain: d.bool()}
	return out, d.finish(store.KindInternal, "reply")
}

// SetTags replaces the tags of the current object of key; none removes them.
// Nothing else of the object changes.
func (c *Client) SetTags(ctx context.Context, ns store.NS, key string, tags []Pair) error {
	k := []byte(key)
	e := newCommand(opSetTags, k)
	e.pairs(tags)
	_, err := c.rows.Do(ctx, ns, k, e.b)
	return err
}

// ObjectParts returns up to limit parts of the current object of key behind
// position after, with its record, and whether there are more. An object that
// was not uploaded in parts has none.
func (c *Client) ObjectParts(ctx context.Context, ns store.NS, key string, after, limit int) (*Record, []Part, bool, error) {
	q := partsQuery{key: []byte(key), after: clamp(after, MaxParts), max: clamp(limit, MaxPage)}
	reply, err := c.rows.Ask(ctx, ns, q.key, q.encode(askObjectParts))
	if err != nil {
		return nil, nil, false, err
	}
	row, parts, more, err := decodeParts(reply)
	if err != nil {
		return nil, nil, false, err
	}
	rec, err := decodeObjRec(row)
	if err != nil {
		return nil, nil, false, err
	}
	return &rec.Record, parts, more, nil
}

// clamp limits n to [0, most].
func clamp(n, most int) int { return min(max(n, 0), most) }
