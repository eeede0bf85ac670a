package disk

import (
	"context"
	"errors"
	"slices"

	"cairn/internal/arena"
)

// compactBelow is the share of live bytes, in percent, under which a closed
// segment is compacted.
const compactBelow = 40

// Maintain forgets old tombstones, compacts segments that are mostly dead, and
// makes the index durable. Call it now and then, from one goroutine at a time;
// it stops early when ctx ends, and a crash at any point loses nothing.
func (d *Disk) Maintain(ctx context.Context) error {
	if err := d.begin(); err != nil {
		return err
	}
	defer d.end()
	if err := d.Failed(); err != nil {
		return err
	}
	if err := d.expire(ctx); err != nil {
		return err
	}
	for _, seg := range d.victims() {
		if ctx.Err() != nil {
			return canceled("maintain disk", ctx)
		}
		if err := d.compact(ctx, seg); err != nil {
			return err
		}
	}
	if err := d.index.flush(); err != nil {
		return d.fail(err)
	}
	return nil
}

// victims returns the closed segments worth compacting, the emptiest first. The
// last segment is the writer's.
func (d *Disk) victims() []*segment {
	all := d.segs.all()
	if len(all) < 2 {
		return nil
	}
	d.segs.mu.Lock()
	defer d.segs.mu.Unlock()
	out := slices.DeleteFunc(all[:len(all)-1], func(s *segment) bool { return s.live*100 >= s.size*compactBelow })
	slices.SortFunc(out, func(a, b *segment) int { return int(a.live - b.live) })
	return out
}

// compact moves what lives in seg and removes it; see the package comment.
func (d *Disk) compact(ctx context.Context, seg *segment) error {
	if err := d.moveAll(ctx, seg); err != nil {
		return err
	}
	if err := d.loseRest(seg); err != nil {
		return err
	}
	if err := d.index.flush(); err != nil {
		return d.fail(err)
	}
	return d.segs.remove(seg)
}

// moveAll copies the live records of seg, a group at a time.
func (d *Disk) moveAll(ctx context.Context, seg *segment) error {
	sc := newScanner(seg, d.salt, 0, seg.size)
	defer sc.close()
	var batch []*write
	var bytes int64
	flush := func() error {
		err := d.moveBatch(ctx, batch)
		batch, bytes = batch[:0], 0
		return err
	}
	for rec, ok := sc.next(); ok; rec, ok = sc.next() {
		w, err := d.loadMove(seg, &rec)
		if err != nil {
			return errors.Join(err, flush())
		}
		if w == nil {
			continue
		}
		batch, bytes = append(batch, w), bytes+w.size()
		if bytes >= maxGroupBytes || len(batch) == maxGroupWrites/4 {
			if err := flush(); err != nil {
				return err
			}
		}
	}
	return errors.Join(flush(), sc.err)
}

// loadMove reads a record that a row names and makes the request that copies it;
// nil if nothing names it or it is damaged.
func (d *Disk) loadMove(seg *segment, rec *scanned) (*write, error) {
	row, exists, err := d.index.shard(rec.ShardID)
	if err != nil || !exists || row.bad() || row.place != rec.place {
		return nil, err
	}
	data, crc, err := d.readRow(row, 0, int(row.dataLen))
	if err != nil {
		return nil, nil // loseRest marks it
	}
	w := newWrite()
	w.shard = rec.Shard
	w.shard.Owner.Key = slices.Clone(rec.Owner.Key)
	w.from = row.place
	w.setBody([][]byte{data})
	if w.crc != crc {
		arena.Put(data)
		return nil, nil
	}
	return w, nil
}

// moveBatch has the writer append the copies and switch their rows, and frees
// their buffers. All are submitted at once so that they share a sync.
func (d *Disk) moveBatch(ctx context.Context, batch []*write) error {
	sent := 0
	var err error
	for _, w := range batch {
		if err = d.enqueue(ctx, w); err != nil {
			break
		}
		sent++
	}
	for i, w := range batch {
		data := w.body[0]
		if i < sent {
			<-w.done
			err = errors.Join(err, recycle(w))
		}
		arena.Put(data)
	}
	return err
}

// loseRest marks the shards bad that could not be moved: their bytes go with the
// segment.
func (d *Disk) loseRest(seg *segment) error {
	d.segs.mu.Lock()
	live := seg.live
	d.segs.mu.Unlock()
	if live == 0 {
		return nil
	}
	x := d.index
	b := x.db.NewBatch()
	defer b.Close()
	x.mu.Lock()
	defer x.mu.Unlock()
	err := x.scanShards([]byte{rowShard}, []byte{rowShard + 1}, func(id ShardID, row shardRow) (bool, error) {
		if row.seg != seg.num {
			return true, nil
		}
		lost := row
		lost.place, lost.flags = place{}, row.flags|flagBad
		return true, d.setRow(b, id, &row, lost)
	})
	if err != nil {
		return err
	}
	if err := x.commit(b, false); err != nil {
		return d.fail(err)
	}
	return nil
}
