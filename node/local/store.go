package local

import (
	"bytes"
	"context"
	"errors"

	"cairn/node/blob"
	"cairn/store"
)

// Store returns a store on whichever node is ready. See the package's comment.
func (c *Cell) Store() store.Store { return failover{c} }

type failover struct{ cell *Cell }

// errStopped is the cause of a call that ended because its node did.
var errStopped = errors.New("the node was stopped meanwhile")

// on runs f on a node that serves, and on the next one if that node stops while
// f runs: always if f is repeatable, otherwise only if f certainly had no
// effect.
func on[T any](ctx context.Context, c *Cell, repeatable bool, f func(context.Context, store.Store) (T, error)) (T, error) {
	for {
		r := c.serving()
		if r == nil {
			var none T
			return none, &store.Error{Op: "choose node", Kind: store.KindUnavailable, Hint: "no node of this process runs; start one with `cairn node start NAME`"}
		}
		out, err := do(ctx, r, f)
		if !errors.Is(err, errStopped) || ctx.Err() != nil {
			return out, err
		}
		if !repeatable && !store.Is(err, store.KindUnavailable) {
			return out, &store.Error{Op: "call", Kind: store.KindTimeout, Err: err}
		}
	}
}

// do runs f until the node stops; an error after that wraps errStopped.
func do[T any](ctx context.Context, r *run, f func(context.Context, store.Store) (T, error)) (out T, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(r.life, cancel)()
	out, err = f(ctx, r.node.Store())
	if err != nil && r.life.Err() != nil {
		err = &store.Error{Op: "call", Kind: store.KindOf(err), Err: errors.Join(err, errStopped)}
	}
	return out, err
}

// serving returns the first node that can be given work, or nil.
func (c *Cell) serving() *run {
	for _, m := range c.members {
		if r := m.run.Load(); r != nil && r.serves() {
			return r
		}
	}
	return nil
}

// none is the result of a call that has only an error.
type none = struct{}

func (s failover) CreateName(ctx context.Context, n store.Name) (store.Name, error) {
	return on(ctx, s.cell, false, func(ctx context.Context, st store.Store) (store.Name, error) { return st.CreateName(ctx, n) })
}

func (s failover) Lookup(ctx context.Context, kind store.NameKind, name string) (store.Name, error) {
	return on(ctx, s.cell, true, func(ctx context.Context, st store.Store) (store.Name, error) { return st.Lookup(ctx, kind, name) })
}

func (s failover) ReadName(ctx context.Context, kind store.NameKind, name string) (store.Name, error) {
	return on(ctx, s.cell, true, func(ctx context.Context, st store.Store) (store.Name, error) { return st.ReadName(ctx, kind, name) })
}

func (s failover) ListNames(ctx context.Context, kind store.NameKind, owner, after string, limit int) ([]store.Name, error) {
	return on(ctx, s.cell, true, func(ctx context.Context, st store.Store) ([]store.Name, error) {
		return st.ListNames(ctx, kind, owner, after, limit)
	})
}

func (s failover) UpdateName(ctx context.Context, n store.Name) (store.Name, error) {
	return on(ctx, s.cell, false, func(ctx context.Context, st store.Store) (store.Name, error) { return st.UpdateName(ctx, n) })
}

func (s failover) DeleteName(ctx context.Context, kind store.NameKind, name string, gen uint64) error {
	_, err := on(ctx, s.cell, false, func(ctx context.Context, st store.Store) (none, error) {
		return none{}, st.DeleteName(ctx, kind, name, gen)
	})
	return err
}

func (s failover) Do(ctx context.Context, ns store.NS, key, cmd []byte, placed ...store.Placed) ([]byte, error) {
	return on(ctx, s.cell, false, func(ctx context.Context, st store.Store) ([]byte, error) {
		return st.Do(ctx, ns, key, cmd, placed...)
	})
}

func (s failover) Ask(ctx context.Context, ns store.NS, key, query []byte) ([]byte, error) {
	return on(ctx, s.cell, true, func(ctx context.Context, st store.Store) ([]byte, error) { return st.Ask(ctx, ns, key, query) })
}

// Put gives the second node a copy: the first one's disks may still read the
// payload, which encoding pads in place.
func (s failover) Put(ctx context.Context, owner store.Owner, class store.Class, payload []byte) (store.Placed, error) {
	first := true
	return on(ctx, s.cell, true, func(ctx context.Context, st store.Store) (store.Placed, error) {
		p := payload
		if !first {
			p = bytes.Clone(payload)
		}
		first = false
		return st.Put(ctx, owner, class, p)
	})
}

func (s failover) Get(ctx context.Context, ref store.Ref, off, n int) (*store.Bytes, error) {
	return on(ctx, s.cell, true, func(ctx context.Context, st store.Store) (*store.Bytes, error) { return st.Get(ctx, ref, off, n) })
}

// Reading announces the read at every node that serves, so that it stays known
// when one of them stops.
func (s failover) Reading() (done func()) {
	var all []func()
	for _, m := range s.cell.members {
		if r := m.run.Load(); r != nil && r.serves() {
			all = append(all, r.node.Store().Reading())
		}
	}
	return func() {
		for _, f := range all {
			f()
		}
	}
}

func (failover) Buffer(n int) []byte { return blob.Buffer(n) }

func (failover) FreeBuffer(b []byte) { blob.FreeBuffer(b) }
