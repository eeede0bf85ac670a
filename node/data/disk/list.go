package disk

import (
	"context"

	"github.com/cockroachdb/pebble/v2"

	"cairn/store"
)

// State is what a disk knows of a shard. Numbers go over the wire.
type State uint8

// The states.
const (
	Absent  State = 0
	Present State = 1
	Bad     State = 2 // it failed a check; repair must replace it
	Deleted State = 3 // the blob has a tombstone
)

// Entry is one line of a listing.
type Entry struct {
	ShardID
	Len   uint32 // bytes of the shard; 0 for a tombstone
	State State  // Present, Bad or Deleted
}

// MaxList is the largest page of a listing.
const MaxList = 10_000

// List returns about limit (at most [MaxList]) shards of a placement group in
// the order of their blobs, after blob after; the zero id means from the start.
// more is false on the last page. A blob's shards are never cut in two pages.
// With tombstones, deleted blobs are listed as well, so that whoever merges
// listings knows what not to bring back.
func (d *Disk) List(ctx context.Context, pg uint32, after store.BlobID, limit int, tombstones bool) (entries []Entry, more bool, err error) {
	if err := d.begin(); err != nil {
		return nil, false, err
	}
	defer d.end()
	if limit <= 0 || limit > MaxList || after != (store.BlobID{}) && after.PG() != pg {
		return nil, false, store.Errorf(store.KindInvalid, "list shards", "limit %d or start outside group %d", limit, pg)
	}
	if ctx.Err() != nil {
		return nil, false, canceled("list shards", ctx)
	}
	snap := d.index.db.NewSnapshot()
	defer snap.Close()
	shards, err := newCursor(snap, rowShard, pg, after)
	if err != nil {
		return nil, false, err
	}
	defer shards.it.Close()
	graves, err := newCursor(snap, rowTombstone, pg, after)
	if err != nil {
		return nil, false, err
	}
	defer graves.it.Close()
	for {
		c := shards
		if tombstones && graves.ok && (!shards.ok || graves.blob().before(shards.blob())) {
			c = graves
		}
		if !c.ok {
			return entries, false, c.it.Error()
		}
		if n := len(entries); n >= limit && entries[n-1].Blob != store.BlobID(c.blob()) {
			return entries, true, nil
		}
		e, err := c.entry()
		if err != nil {
			return nil, false, err
		}
		entries = append(entries, e)
		c.ok = c.it.Next()
	}
}

// blobOrder compares ids as the index sorts them.
type blobOrder store.BlobID

func (a blobOrder) before(b blobOrder) bool { return string(a[:]) < string(b[:]) }

// cursor walks the shard rows or the tombstones of a group.
type cursor struct {
	it *pebble.Iterator
	ok bool
}

func newCursor(r pebble.Reader, row byte, pg uint32, after store.BlobID) (*cursor, error) {
	lower, upper := pgBounds(row, pg)
	if after != (store.BlobID{}) {
		lower = prefixEnd(blobKey(row, after))
	}
	it, err := r.NewIter(&pebble.IterOptions{LowerBound: lower, UpperBound: upper})
	if err != nil {
		return nil, err
	}
	return &cursor{it: it, ok: it.First()}, nil
}

func (c *cursor) blob() blobOrder { return blobOrder(blobOfKey(c.it.Key())) }

func (c *cursor) entry() (Entry, error) {
	if c.it.Key()[0] == rowTombstone {
		return Entry{ShardID: ShardID{Blob: blobOfKey(c.it.Key())}, State: Deleted}, nil
	}
	row, err := decodeShardRow(c.it.Value())
	e := Entry{ShardID: shardOfKey(c.it.Key()), Len: row.dataLen, State: Present}
	if row.bad() {
		e.State = Bad
	}
	return e, err
}

// Has returns the state of each shard, in order. At most 4,096.
func (d *Disk) Has(ctx context.Context, ids []ShardID) ([]State, error) {
	if len(ids) > maxBatch {
		return nil, store.Errorf(store.KindTooLarge, "look up shards", "%d ids, at most %d", len(ids), maxBatch)
	}
	if err := d.begin(); err != nil {
		return nil, err
	}
	defer d.end()
	states := make([]State, len(ids))
	for i, id := range ids {
		if ctx.Err() != nil {
			return nil, canceled("look up shards", ctx)
		}
		var err error
		if states[i], err = d.state(id); err != nil {
			return nil, err
		}
	}
	return states, nil
}

func (d *Disk) state(id ShardID) (State, error) {
	row, exists, err := d.index.shard(id)
	switch {
	case err != nil:
		return Absent, err
	case exists && row.bad():
		return Bad, nil
	case exists:
		return Present, nil
	}
	deleted, err := d.index.deleted(id.Blob)
	if deleted {
		return Deleted, err
	}
	return Absent, err
}

// HourDigest sums up the blobs of a placement group that were made in one hour.
// Two holders with equal digests hold shards of the same blobs.
type HourDigest struct {
	Hour  uint32       // since 2020
	Blobs uint32       // how many
	Xor   store.BlobID // of their ids
}

// Digest returns the digests of a group's hours in order, empty hours left out.
// Bad shards count as held: their marks are reported by List.
func (d *Disk) Digest(ctx context.Context, pg uint32) (hours []HourDigest, err error) {
	if err := d.begin(); err != nil {
		return nil, err
	}
	defer d.end()
	lower, upper := pgBounds(rowShard, pg)
	var last store.BlobID
	err = d.index.scanShards(lower, upper, func(id ShardID, _ shardRow) (bool, error) {
		if id.Blob == last {
			return true, nil // another shard of the same blob
		}
		last = id.Blob
		hour := id.Blob.Created() / 3600
		if n := len(hours); n == 0 || hours[n-1].Hour != hour {
			hours = append(hours, HourDigest{Hour: hour})
		}
		h := &hours[len(hours)-1]
		h.Blobs++
		for i, b := range id.Blob {
			h.Xor[i] ^= b
		}
		if ctx.Err() != nil {
			return false, canceled("digest group", ctx)
		}
		return true, nil
	})
	return hours, err
}
