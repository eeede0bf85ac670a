package machine

import (
	"context"

	"cairn/store"
)

// Client runs the commands and queries of families of volumes. Every method
// that takes a struct is described there. Errors are [store.Error]s; the
// constants named Reason are the table of those that the machine makes, and
// those of [store.Rows] come as they are. A nil error of a command means that
// its effect is durable.
//
// After an error of [store.KindTimeout], or the context's own, a command may
// have taken effect: read the volume before another attempt. Blobs that were
// given to it must not be given to another command.
type Client struct{ rows store.Rows }

// NewClient returns a client of rows.
func NewClient(rows store.Rows) *Client { return &Client{rows: rows} }

// message is a command or query behind its number.
type message struct {
	op   opcode
	body wirer
}

func (m *message) wire(c *coder) {
	num8(c, &m.op)
	m.body.wire(c)
}

// do runs a command; reply may be nil.
func (c *Client) do(ctx context.Context, family store.NS, op opcode, cmd, reply wirer, placed ...store.Placed) error {
	b, err := c.rows.Do(ctx, family, Key, encode(&message{op, cmd}), placed...)
	return answered(b, err, reply)
}

// ask answers a query.
func (c *Client) ask(ctx context.Context, family store.NS, op opcode, q, reply wirer) error {
	b, err := c.rows.Ask(ctx, family, Key, encode(&message{op, q}))
	return answered(b, err, reply)
}

func answered(b []byte, err error, reply wirer) error {
	if err != nil {
		return err
	}
	if reply == nil {
		reply = &empty{}
	}
	return decode(b, reply, store.KindInternal, "reply")
}

// CreateVolume returns the new volume's number. The first volume of a family
// may be made in any namespace of [store.KindBlock] that has none.
func (c *Client) CreateVolume(ctx context.Context, family store.NS, x *CreateVolume) (Branch, error) {
	var r Created
	err := c.do(ctx, family, opCreateVolume, x, &r)
	return r.Branch, err
}

// DeleteVolume ends a volume, for ever or into the recycle bin. Call Sweep.
func (c *Client) DeleteVolume(ctx context.Context, family store.NS, x *DeleteVolume) error {
	return c.do(ctx, family, opDeleteVolume, x, nil)
}

// Modify begins a modification.
func (c *Client) Modify(ctx context.Context, family store.NS, x *Modify) (*Modification, error) {
	var m Modification
	return &m, c.do(ctx, family, opModify, x, &m)
}

// AdvanceModification reports how far a modification is.
func (c *Client) AdvanceModification(ctx context.Context, family store.NS, x *AdvanceModification) (*Modification, error) {
	var m Modification
	return &m, c.do(ctx, family, opAdvanceModification, x, &m)
}

// SetVolume changes flags of a volume or of an attachment.
func (c *Client) SetVolume(ctx context.Context, family store.NS, x *SetVolume) error {
	return c.do(ctx, family, opSetVolume, x, nil)
}

// Attach lets a host use a volume.
func (c *Client) Attach(ctx context.Context, family store.NS, x *Attach) error {
	return c.do(ctx, family, opAttach, x, nil)
}

// Detach ends an attachment.
func (c *Client) Detach(ctx context.Context, family store.NS, x *Detach) error {
	return c.do(ctx, family, opDetach, x, nil)
}

// Retag changes tags.
func (c *Client) Retag(ctx context.Context, family store.NS, x *Retag) error {
	return c.do(ctx, family, opRetag, x, nil)
}

// Restore takes something out of the recycle bin.
func (c *Client) Restore(ctx context.Context, family store.NS, x *Restore) error {
	return c.do(ctx, family, opRestore, x, nil)
}

// Purge ends what has been in the recycle bin for its time. Call Sweep.
func (c *Client) Purge(ctx context.Context, family store.NS, x *Purge) error {
	return c.do(ctx, family, opPurge, x, nil)
}

// Volume returns a volume with its journal's rows.
func (c *Client) Volume(ctx context.Context, family store.NS, b Branch) (*Takeover, error) {
	var t Takeover
	return &t, c.ask(ctx, family, queryTakeover, &askTakeover{b}, &t)
}

// Volumes returns up to max volumes of a family behind one.
func (c *Client) Volumes(ctx context.Context, family store.NS, after Branch, max int) (*Volumes, error) {
	if err := checkPage(max); err != nil {
		return nil, err
	}
	var p Volumes
	return &p, c.ask(ctx, family, queryVolumes, &askVolumes{after, uint32(max)}, &p)
}

func checkPage(n int) error {
	if n < 0 || n > MaxPage {
		return refuse(store.KindInvalid, ReasonPage, "a page has 0 to 1,000 entries", "%d", n)
	}
	return nil
}

// Family returns what all volumes of a family are together.
func (c *Client) Family(ctx context.Context, family store.NS) (*Family, error) {
	var f Family
	return &f, c.ask(ctx, family, queryFamily, &askFamily{}, &f)
}
