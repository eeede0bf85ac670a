package worker

import (
	"bytes"
	"context"

	"cairn/internal/arena"
	"cairn/node/data/disk"
	"cairn/placement"
	"cairn/store"
)

// absence is a disk that a generation of a row does not name.
type absence struct {
	disk placement.DiskID
	pg   placement.PGID
	gen  uint32
}

// evict drops shards of a group that this disk is no holder of any more, a
// quarter of an hour after it left the row, for the sake of readers that go by an
// older one. What its holder does not have is brought there first: a disk that
// was given up while it was away may come back with the last shard of a blob
// (invariant 17).
func (w *Worker) evict(ctx context.Context, topo *placement.Topology, id placement.DiskID, d *disk.Disk, pg *placement.PG) error {
	if !w.leftLongAgo(id, pg) {
		return nil
	}
	var before store.BlobID
	return each(ctx, d, pg.ID, func(page []disk.Entry) error {
		if err := w.bringHome(ctx, topo, d, pg, before, page); err != nil {
			return err
		}
		ids := make([]disk.ShardID, len(page))
		for i, e := range page {
			ids[i] = e.ShardID
		}
		if row := w.cfg.Root.View().PG(pg.ID); row == nil || row.Gen != pg.Gen {
			return nil // it changed meanwhile: the next pass looks again
		}
		before = page[len(page)-1].Blob
		return d.Evict(ctx, uint32(pg.ID), pg.Gen, ids)
	})
}

// leftLongAgo reports whether the disk has been seen outside of this generation
// of the row for long enough.
func (w *Worker) leftLongAgo(id placement.DiskID, pg *placement.PG) bool {
	key := absence{id, pg.ID, pg.Gen}
	w.mu.Lock()
	defer w.mu.Unlock()
	since, ok := w.absent[key]
	if !ok {
		w.absent[key] = w.cfg.Clock()
	}
	return ok && w.cfg.Clock().Sub(since) > graceTime
}

// bringHome writes those shards of a page to their holders that these do not
// have. The page follows the blob before. Deleted and damaged ones stay away.
func (w *Worker) bringHome(ctx context.Context, topo *placement.Topology, d *disk.Disk, pg *placement.PG, before store.BlobID, page []disk.Entry) error {
	has := map[int]map[store.BlobID]bool{} // by slot
	for _, e := range page {
		slot := int(e.Index)
		if e.State != disk.Present || slot >= len(pg.Holders) {
			continue
		}
		if has[slot] == nil {
			list, err := w.listHolder(ctx, topo, pg, slot, before, page[len(page)-1].Blob)
			if err != nil {
				return err
			}
			has[slot] = list
		}
		if has[slot][e.Blob] {
			continue
		}
		w.cfg.Logger.Info("a stray shard goes home", "pg", pg.ID, "shard", e.ShardID, "disk", pg.Holders[slot])
		if err := w.send(ctx, topo, d, pg, e.ShardID); err != nil {
			return err
		}
	}
	return nil
}

// listHolder returns the blobs behind one and up to another whose shard is at
// its holder or is not wanted there any more.
func (w *Worker) listHolder(ctx context.Context, topo *placement.Topology, pg *placement.PG, slot int, after, last store.BlobID) (map[store.BlobID]bool, error) {
	holder := pg.Holders[slot]
	node, ok := topo.NodeOf(holder)
	if !ok {
		return nil, store.Errorf(store.KindUnavailable, "evict shards", "disk %d is not in the map", holder)
	}
	out := map[store.BlobID]bool{}
	for more := true; more && bytes.Compare(after[:], last[:]) < 0; {
		var page []disk.Entry
		var err error
		page, more, err = w.cfg.Data.List(ctx, node.ID, holder, pg.ID, after, listPage)
		if err != nil {
			return nil, err
		}
		for _, e := range page {
			if e.State == disk.Deleted || e.State == disk.Present && int(e.Index) == slot {
				out[e.Blob] = true
			}
			after = e.Blob
		}
	}
	return out, nil
}

// send copies a shard of a local disk to its holder.
func (w *Worker) send(ctx context.Context, topo *placement.Topology, d *disk.Disk, pg *placement.PG, id disk.ShardID) error {
	sh, _, err := d.Describe(id)
	if err != nil {
		return unlessGone(err)
	}
	data, crc, err := d.Read(ctx, id, 0, -1)
	if err != nil {
		return unlessGone(err)
	}
	defer arena.Put(data)
	holder := pg.Holders[id.Index]
	node, _ := topo.NodeOf(holder)
	err = w.cfg.Data.Write(ctx, node.ID, holder, sh, pg.Gen, data, crc)
	if store.Is(err, store.KindConflict) && store.ReasonOf(err) == "deleted" {
		return nil
	}
	return err
}

// unlessGone drops the error of a shard that is of no use to anyone.
func unlessGone(err error) error {
	if store.Is(err, store.KindNotFound) || store.Is(err, store.KindCorrupt) {
		return nil
	}
	return err
}
