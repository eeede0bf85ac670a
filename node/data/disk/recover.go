package disk

import (
	"errors"

	"github.com/cockroachdb/pebble/v2"
)

// recover accounts for the records behind the checkpoint; see the package
// comment. It runs before the writer starts and owns everything.
func (d *Disk) recover() error {
	from, err := d.index.checkpoint()
	if err != nil {
		return err
	}
	all := d.segs.all()
	for i, seg := range all {
		if seg.num < from.seg {
			continue
		}
		start := int64(segmentHeader)
		if seg.num == from.seg {
			start = int64(from.off)
		}
		if err := d.recoverSegment(seg, start, i == len(all)-1); err != nil {
			return err
		}
	}
	// A segment whose creation was cut short may have no durable name yet.
	return errors.Join(d.vol.fs.SyncDir(), d.index.flush())
}

// recoverSegment indexes the records of one segment from start on. In the last
// segment, damage at the end is a torn append and is cut off.
func (d *Disk) recoverSegment(seg *segment, start int64, last bool) error {
	end := max(start, segmentHeader)
	if seg.size <= end && seg.size >= segmentHeader {
		return nil // nothing was appended
	}
	sc := newScanner(seg, d.salt, start, seg.size)
	defer sc.close()
	var damaged []scanned
	for rec, ok := sc.next(); ok; rec, ok = sc.next() {
		rec.Owner.Key = nil
		sc.verify(&rec)
		if !rec.whole {
			damaged = append(damaged, rec)
			continue
		}
		if err := d.replay(append(damaged, rec)); err != nil {
			return err
		}
		damaged, end = damaged[:0], rec.end
	}
	if sc.err != nil {
		return sc.err
	}
	if last {
		if err := d.cutTail(seg, end); err != nil {
			return err
		}
	} else if err := d.replay(damaged); err != nil {
		return err
	}
	return d.settle(seg)
}

// cutTail removes what stands behind the last whole record. A segment whose
// creation was cut short gets its header again.
func (d *Disk) cutTail(seg *segment, end int64) error {
	if seg.size < segmentHeader {
		if err := seg.file.WriteVec([][]byte{encodeSegmentHeader(seg.num, d.super.UUID)}, 0); err != nil {
			return err
		}
	}
	if err := seg.file.Truncate(end); err != nil {
		return err
	}
	seg.size = end
	return nil
}

// settle makes the segment durable and moves the checkpoint behind it. Records
// that were found may still be in the page cache only.
func (d *Disk) settle(seg *segment) error {
	if err := seg.file.Sync(); err != nil {
		return d.fail(err)
	}
	b := d.index.db.NewBatch()
	defer b.Close()
	return errors.Join(
		b.Set([]byte{rowCheckpoint}, encodeU32s(seg.num, uint32(seg.size)), nil),
		d.index.commit(b, true))
}

// replay writes the index rows of records that were found.
func (d *Disk) replay(recs []scanned) error {
	b := d.index.db.NewBatch()
	defer b.Close()
	for i := range recs {
		row, wanted, err := d.replayed(&recs[i])
		if err != nil {
			return err
		}
		if !wanted {
			continue
		}
		if err := b.Set(shardKey(recs[i].ShardID), row.encode(), nil); err != nil {
			return err
		}
	}
	return d.index.commit(b, false)
}

// replayed decides what a found record means. A deleted blob stays deleted; a
// damaged record never replaces a row; a good one replaces an older copy, which
// it repaired or was moved from.
func (d *Disk) replayed(rec *scanned) (row shardRow, wanted bool, err error) {
	row = shardRow{place: rec.place, dataLen: uint32(rec.dataLen), hdr: uint16(rec.header.size), crc: rec.crc}
	if !rec.whole {
		row.flags = flagBad
	}
	deleted, err := d.index.deleted(rec.Blob)
	if err != nil || deleted {
		return row, false, err
	}
	old, exists, err := d.index.shard(rec.ShardID)
	if err != nil || !exists {
		return row, !exists, err
	}
	return row, rec.whole && (old.bad() || old.sameContent(rec.dataLen, rec.crc)), nil
}

// account counts live bytes and shards from the index. It reads the whole index,
// so that damage to it is found now and not by a reader.
func (d *Disk) account() error {
	d.index.mu.Lock()
	defer d.index.mu.Unlock()
	for _, rest := range [][2]byte{{0, rowShard}, {rowShard + 1, 0xFF}} {
		err := d.index.scan(rest[:1], rest[1:], func(_, _ []byte) (bool, error) { return true, nil })
		if err != nil {
			return err
		}
	}
	return d.index.scanShards([]byte{rowShard}, []byte{rowShard + 1}, func(_ ShardID, row shardRow) (bool, error) {
		d.noteRow(row, 1)
		return true, nil
	})
}

// noteRow accounts for a row that was added (n = 1) or removed (n = -1).
// REQUIRES index.mu.
func (d *Disk) noteRow(row shardRow, n int64) {
	d.segs.addLive(row.seg, n*row.size())
	d.count.shards.Add(n)
	if row.bad() {
		d.count.bad.Add(n)
	}
}

// setRow puts a shard's row into the batch in place of old, if there is one.
// REQUIRES index.mu.
func (d *Disk) setRow(b *pebble.Batch, id ShardID, old *shardRow, row shardRow) error {
	if old != nil {
		d.noteRow(*old, -1)
	}
	d.noteRow(row, 1)
	return b.Set(shardKey(id), row.encode(), nil)
}
