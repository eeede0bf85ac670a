package machine

import (
	"context"

	"cairn/store"
)

// Seal closes an empty bucket for good: afterwards everything in the namespace
// answers [store.KindNotFound], [ReasonBucket], and what uploads were left is
// freed. A bucket with objects gives [store.KindNotEmpty], [ReasonBucket], and
// stays as it was. It may be called again after any error.
//
// Every range is sealed by a command of its own. They are walked until a walk
// finds all of them sealed, so that a range which split meanwhile is not left
// half open.
func (c *Client) Seal(ctx context.Context, ns store.NS) error {
	for {
		all, err := c.walkSeal(ctx, ns, opSeal)
		if store.Is(err, store.KindNotEmpty) {
			if _, uerr := c.walkSeal(ctx, ns, opUnseal); uerr != nil {
				return uerr
			}
			return err
		}
		if err != nil {
			return err
		}
		if all {
			return c.sweep(ctx, ns, true)
		}
	}
}

// walkSeal runs opSeal or opUnseal in every range. It reports whether all were
// sealed before.
func (c *Client) walkSeal(ctx context.Context, ns store.NS, op opcode) (all bool, err error) {
	all = true
	for at := []byte{}; at != nil; {
		e := newEncoder()
		e.u8(uint8(op))
		reply, err := c.rows.Do(ctx, ns, at, e.b)
		if err != nil {
			return false, err
		}
		d := newDecoder(reply)
		sealed := d.bool()
		at = d.optional()
		if err := d.finish(store.KindInternal, "reply"); err != nil {
			return false, err
		}
		all = all && sealed
	}
	return all, nil
}

// Drain frees the data of key that commands have left behind, about a thousand
// blobs a command, until none is left.
func (c *Client) Drain(ctx context.Context, ns store.NS, key string) error {
	return c.drain(ctx, ns, []byte(key), false)
}

// drain drains key; with uploads, it ends those of a sealed bucket too.
func (c *Client) drain(ctx context.Context, ns store.NS, key []byte, uploads bool) error {
	e := newCommand(opDrain, key)
	e.bool(uploads)
	for {
		reply, err := c.rows.Do(ctx, ns, key, e.b)
		if err != nil {
			return err
		}
		d := newDecoder(reply)
		more := d.bool()
		if err := d.finish(store.KindInternal, "reply"); err != nil || !more {
			return err
		}
	}
}

// Sweep drains every key of the namespace that has something to drain. A worker
// calls it now and then, for a gateway may die between a command and its Drain.
func (c *Client) Sweep(ctx context.Context, ns store.NS) error {
	return c.sweep(ctx, ns, false)
}

// sweep drains all keys; with uploads, it ends those of a sealed bucket too. In
// a range that is not sealed, an upload is found and left alone.
func (c *Client) sweep(ctx context.Context, ns store.NS, uploads bool) error {
	for at := []byte{}; at != nil; {
		e := newCommand(askDead, at)
		e.bool(uploads)
		reply, err := c.rows.Ask(ctx, ns, at, e.b)
		if err != nil {
			return err
		}
		d := newDecoder(reply)
		key, next := d.optional(), d.optional()
		if err := d.finish(store.KindInternal, "reply"); err != nil {
			return err
		}
		if key == nil {
			at = next
			continue
		}
		if err := c.drain(ctx, ns, key, uploads); err != nil {
			return err
		}
		at = keyAfter(key)
	}
	return nil
}
