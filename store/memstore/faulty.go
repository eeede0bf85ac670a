package memstore

import (
	"context"

	"cairn/store"
)

// Faulty wraps a store. Each hook that is set runs inside the call it is named
// after and may block; an error it returns is the call's. Set the hooks before
// the first call.
type Faulty struct {
	store.Store

	// BeforeDo runs first: its error means no effect.
	BeforeDo func(ctx context.Context, key, cmd []byte) error
	// AfterDo runs once the command took effect: its error loses the reply.
	AfterDo func(ctx context.Context, key, cmd []byte) error
	// BeforeAsk fails or delays a query.
	BeforeAsk func(ctx context.Context, key, query []byte) error
	// BeforePut fails or delays the writing of a blob.
	BeforePut func(ctx context.Context, owner store.Owner, payload []byte) error
	// BeforeGet fails or delays the reading of a blob.
	BeforeGet func(ctx context.Context, ref store.Ref, off, n int) error
}

// Do implements [store.Rows].
func (f *Faulty) Do(ctx context.Context, ns store.NS, key, cmd []byte, placed ...store.Placed) ([]byte, error) {
	if f.BeforeDo != nil {
		if err := f.BeforeDo(ctx, key, cmd); err != nil {
			return nil, err
		}
	}
	reply, err := f.Store.Do(ctx, ns, key, cmd, placed...)
	if f.AfterDo != nil && err == nil {
		if err := f.AfterDo(ctx, key, cmd); err != nil {
			return nil, err
		}
	}
	return reply, err
}

// Ask implements [store.Rows].
func (f *Faulty) Ask(ctx context.Context, ns store.NS, key, query []byte) ([]byte, error) {
	if f.BeforeAsk != nil {
		if err := f.BeforeAsk(ctx, key, query); err != nil {
			return nil, err
		}
	}
	return f.Store.Ask(ctx, ns, key, query)
}

// Put implements [store.Blobs].
func (f *Faulty) Put(ctx context.Context, owner store.Owner, class store.Class, payload []byte) (store.Placed, error) {
	if f.BeforePut != nil {
		if err := f.BeforePut(ctx, owner, payload); err != nil {
			return store.Placed{}, err
		}
	}
	return f.Store.Put(ctx, owner, class, payload)
}

// Get implements [store.Blobs].
func (f *Faulty) Get(ctx context.Context, ref store.Ref, off, n int) (*store.Bytes, error) {
	if f.BeforeGet != nil {
		if err := f.BeforeGet(ctx, ref, off, n); err != nil {
			return nil, err
		}
	}
	return f.Store.Get(ctx, ref, off, n)
}
