package memstore

import (
	"time"

	"cairn/store"
)

const (
	// ageFence is how old a blob may be, in seconds, when a row first refers to it.
	ageFence = int64(12 * time.Hour / time.Second)
	// gcDelay is how long a blob stays after its Unref.
	gcDelay = store.Time(15 * time.Minute / time.Millisecond)
)

// write is a row's pending value; nil deletes it.
type write struct{ value []byte }

// txn implements [store.Txn]. It collects effects; commitLocked makes them
// happen.
type txn struct {
	*reader
	s        *Store
	receipts []store.Placed
	writes   map[rowKey]write
	refs     []store.BlobID
	unrefs   []store.Ref
	err      error // the first misuse by the machine
}

func (t *txn) Get(col store.Col, key, suffix []byte) ([]byte, bool, error) {
	if w, ok := t.writes[t.address(col, key, suffix)]; ok {
		return w.value, w.value != nil, nil
	}
	return t.reader.Get(col, key, suffix)
}

func (t *txn) Put(col store.Col, key, suffix, value []byte) {
	t.set(col, key, suffix, append([]byte{}, value...))
}

func (t *txn) Delete(col store.Col, key, suffix []byte) { t.set(col, key, suffix, nil) }

// set records a write. Put and Delete return no error, so one outside the range
// fails the command when it ends.
func (t *txn) set(col store.Col, key, suffix, value []byte) {
	if err := t.owns(key); err != nil && t.err == nil {
		t.err = err
	}
	t.writes[t.address(col, key, suffix)] = write{value}
}

// Ref is as strict as it can be: the engine knows less of a blob, and trusts
// that a machine refers to it once.
func (t *txn) Ref(id store.BlobID) error {
	const op = "refer to blob"
	fail := func(k store.ErrKind, why string) error {
		return &store.Error{Op: op, Kind: k, Resource: id.String(), Hint: why}
	}
	received := false
	for _, p := range t.receipts {
		received = received || p.Blob == id
	}
	b := t.s.mu.blobs[id]
	switch {
	case !received:
		return fail(store.KindInvalid, "its receipt is not among those of the command")
	case t.s.mu.time.CreatedSeconds()-int64(id.Created()) >= ageFence:
		return fail(store.KindTooOld, "write the data again")
	case b == nil:
		return fail(store.KindInvalid, "there is no such blob")
	case b.owner.NS != t.ns:
		return fail(store.KindInvalid, "it was written for another namespace")
	case b.state != blobFresh:
		return fail(store.KindInvalid, "a blob is referred to once in its life")
	}
	for _, r := range t.refs {
		if r == id {
			return fail(store.KindInvalid, "the command refers to it twice")
		}
	}
	t.refs = append(t.refs, id)
	return nil
}

func (t *txn) Unref(ref store.Ref) { t.unrefs = append(t.unrefs, ref) }

// commitLocked makes the effects happen, all or none.
func (t *txn) commitLocked() error {
	if t.err != nil {
		return t.err
	}
	if err := t.checkUnrefsLocked(); err != nil {
		return err
	}
	mu := &t.s.mu
	for k, w := range t.writes {
		if w.value == nil {
			mu.rows.Delete(k)
		} else {
			mu.rows.ReplaceOrInsert(k, w.value)
		}
	}
	for _, id := range t.refs {
		mu.blobs[id].state = blobReferenced
	}
	for _, r := range t.unrefs {
		mu.blobs[r.Blob].state = blobDead
		mu.gc = append(mu.gc, GCEntry{Ref: r, Due: mu.time + gcDelay})
	}
	return nil
}

// checkUnrefsLocked refuses an Unref of a blob that no row can refer to.
func (t *txn) checkUnrefsLocked() error {
	referenced := make(map[store.BlobID]bool, len(t.refs))
	for _, id := range t.refs {
		referenced[id] = true
	}
	for _, r := range t.unrefs {
		b := t.s.mu.blobs[r.Blob]
		live, own := referenced[r.Blob]
		if !own {
			live = b != nil && b.state == blobReferenced
		}
		if !live {
			return store.Errorf(store.KindInternal, "unref blob", "nothing refers to %s", r.Blob)
		}
		if b.owner.NS != t.ns {
			return store.Errorf(store.KindInternal, "unref blob", "%s is of another namespace", r.Blob)
		}
		referenced[r.Blob] = false
	}
	return nil
}
