package disk

import (
	"context"
	"encoding/binary"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/cockroachdb/pebble/v2"

	"cairn/store"
)

// TombstoneAge is how long a deleted blob is remembered. A disk that was away
// longer is not trusted by its shards' presence alone.
const TombstoneAge = 7 * 24 * time.Hour

// maxBatch bounds the ids of one call, and the rows of one batch.
const maxBatch = 4096

// Delete removes all shards of the blobs and remembers, for [TombstoneAge], that
// they are gone: writes of them are refused, absent ones included. It is durable
// on return and may be repeated. At most 4,096 blobs.
func (d *Disk) Delete(ctx context.Context, blobs []store.BlobID) error {
	if err := d.beginBatch(ctx, "delete shards", len(blobs)); err != nil {
		return err
	}
	defer d.end()
	now := d.now()
	blobs = distinct(blobs, func(b store.BlobID) string { return string(b[:]) })
	return d.removeRows(func(b *pebble.Batch) (gone []shardRow, err error) {
		for _, blob := range blobs {
			if gone, err = d.dropBlob(b, blob, gone); err != nil {
				return nil, err
			}
			known, err := d.index.deleted(blob)
			if err != nil {
				return nil, err
			}
			if !known {
				err = errors.Join(
					b.Set(blobKey(rowTombstone, blob), encodeU32s(now), nil),
					b.Set(ageKey(now, blob), nil, nil))
			}
			if err != nil {
				return nil, err
			}
		}
		return gone, nil
	})
}

// Evict removes shards of a placement group that this disk is not to hold any
// more, and forgets them: the blobs live elsewhere and may come back. A crash may
// bring an evicted shard back as well. At most 4,096 shards.
//
// gen is the generation of the row by which the disk is no holder. If the disk
// has heard of a newer one, from a write or a fence, it may be a holder again and
// the error is [store.KindStaleMap].
func (d *Disk) Evict(ctx context.Context, pg, gen uint32, ids []ShardID) error {
	const op = "evict shards"
	if slices.ContainsFunc(ids, func(id ShardID) bool { return id.Blob.PG() != pg }) {
		return store.Errorf(store.KindInvalid, op, "not all are of group %d", pg)
	}
	if err := d.beginBatch(ctx, op, len(ids)); err != nil {
		return err
	}
	defer d.end()
	ids = distinct(ids, func(id ShardID) string { return string(shardKey(id)) })
	return d.removeRows(func(b *pebble.Batch) (gone []shardRow, err error) {
		// Rows of newer generations appear under the lock that is held here.
		if heard := d.fences.heard(pg); heard > gen {
			return nil, store.Errorf(store.KindStaleMap, op, "group %d is at generation %d, not %d", pg, heard, gen)
		}
		for _, id := range ids {
			row, exists, err := d.index.shard(id)
			if err != nil {
				return nil, err
			}
			if !exists {
				continue
			}
			if err := b.Delete(shardKey(id), nil); err != nil {
				return nil, err
			}
			gone = append(gone, row)
		}
		return gone, nil
	})
}

// distinct returns the ids sorted, each once: what is named twice would be
// accounted for twice.
func distinct[T comparable](ids []T, key func(T) string) []T {
	ids = slices.Clone(ids)
	slices.SortFunc(ids, func(a, b T) int { return strings.Compare(key(a), key(b)) })
	return slices.Compact(ids)
}

// beginBatch is begin for a call that changes many rows.
func (d *Disk) beginBatch(ctx context.Context, op string, n int) error {
	if n > maxBatch {
		return store.Errorf(store.KindTooLarge, op, "%d ids, at most %d", n, maxBatch)
	}
	if ctx.Err() != nil {
		return canceled(op, ctx)
	}
	if err := d.begin(); err != nil {
		return err
	}
	if err := d.Failed(); err != nil {
		d.end()
		return err
	}
	return nil
}

// dropBlob deletes the rows of a blob's shards and appends them to gone.
// REQUIRES index.mu.
func (d *Disk) dropBlob(b *pebble.Batch, blob store.BlobID, gone []shardRow) ([]shardRow, error) {
	lower := blobKey(rowShard, blob)
	err := d.index.scanShards(lower, prefixEnd(lower), func(id ShardID, row shardRow) (bool, error) {
		gone = append(gone, row)
		return true, b.Delete(shardKey(id), nil)
	})
	return gone, err
}

// removeRows commits the deletions that f collects under index.mu, makes them
// durable, and gives the space back.
func (d *Disk) removeRows(f func(*pebble.Batch) (gone []shardRow, err error)) error {
	gone, err := d.commitRows(f)
	if err != nil {
		return err
	}
	if err := d.index.flush(); err != nil {
		return d.fail(err)
	}
	for _, row := range gone {
		if row.dataLen >= punchMin {
			d.segs.punch(row)
		}
	}
	return nil
}

func (d *Disk) commitRows(f func(*pebble.Batch) ([]shardRow, error)) ([]shardRow, error) {
	x := d.index
	b := x.db.NewBatch()
	defer b.Close()
	x.mu.Lock()
	defer x.mu.Unlock()
	gone, err := f(b)
	if err != nil {
		return nil, err
	}
	if err := x.commit(b, false); err != nil {
		return nil, d.fail(err)
	}
	for _, row := range gone {
		d.noteRow(row, -1)
	}
	return gone, nil
}

// now returns the time on the scale of tombstones.
func (d *Disk) now() uint32 { return uint32(store.TimeOf(d.opts.Now()).CreatedSeconds()) }

// expire forgets tombstones that are older than [TombstoneAge], a batch at a
// time.
func (d *Disk) expire(ctx context.Context) error {
	age := uint32(TombstoneAge / time.Second)
	now := d.now()
	if now < age {
		return nil
	}
	limit := binary.BigEndian.AppendUint32([]byte{rowByAge}, now-age)
	for ctx.Err() == nil {
		n, err := d.expireBatch(limit)
		if err != nil || n < maxBatch {
			return err
		}
	}
	return nil
}

func (d *Disk) expireBatch(limit []byte) (n int, err error) {
	b := d.index.db.NewBatch()
	defer b.Close()
	err = d.index.scan([]byte{rowByAge}, limit, func(k, _ []byte) (bool, error) {
		if len(k) != ageKeySize {
			return false, store.Errorf(store.KindCorrupt, "read index", "tombstone key %x", k)
		}
		n++
		return n < maxBatch, errors.Join(
			b.Delete(k, nil),
			b.Delete(blobKey(rowTombstone, store.BlobID(k[5:])), nil))
	})
	if err != nil || n == 0 {
		return n, err
	}
	return n, d.index.commit(b, false)
}
