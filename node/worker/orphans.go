package worker

import (
	"context"
	"time"

	"cairn/node/data/disk"
	"cairn/node/root"
	"cairn/placement"
	"cairn/store"
)

// orphanAge is how old a blob must be before its owner is asked whether it is
// dead; the owner's group decides by its own time.
const orphanAge = 24 * time.Hour

// diskPass looks through the shards on this node's disks: for orphans where
// this node is the first live holder, and for shards that belong elsewhere.
func (w *Worker) diskPass(ctx context.Context) {
	if err := w.cfg.Root.Sync(ctx); err != nil {
		return // an old map is no ground to delete anything
	}
	topo, err := w.cfg.Root.View().Topology()
	if err != nil {
		return
	}
	local := w.cfg.Local.ByID()
	for _, pg := range w.cfg.Root.View().PGs() {
		for id, d := range local {
			if ctx.Err() != nil {
				return
			}
			var err error
			switch {
			case !pg.Has(id):
				err = w.evict(ctx, id, d, pg)
			case w.firstLive(topo, pg) == id:
				err = w.collectOrphans(ctx, d, pg)
			}
			if err != nil && ctx.Err() == nil {
				w.cfg.Logger.Warn("disk pass", "disk", id, "pg", pg.ID, "err", err)
			}
		}
	}
}

// firstLive returns the first holder of a group whose node answers.
func (w *Worker) firstLive(topo *placement.Topology, pg *placement.PG) placement.DiskID {
	for _, d := range pg.Holders {
		if node, ok := topo.NodeOf(d); ok {
			if state, _ := w.cfg.Root.Live().Node(node.ID); state == root.Up {
				return d
			}
		}
	}
	return 0
}

// each calls f with every page of a group's shards on a local disk.
func each(ctx context.Context, d *disk.Disk, pg placement.PGID, f func([]disk.Entry) error) error {
	var after store.BlobID
	for {
		page, more, err := d.List(ctx, uint32(pg), after, 1000, false)
		if err != nil || len(page) == 0 {
			return err
		}
		if err := f(page); err != nil || !more {
			return err
		}
		after = page[len(page)-1].Blob
	}
}

// evict drops shards of a group that this disk is no holder of any more. The
// slot was complete elsewhere before the disk left the row; readers that go by
// an older row get a quarter of an hour.
func (w *Worker) evict(ctx context.Context, id placement.DiskID, d *disk.Disk, pg *placement.PG) error {
	if !w.leftLongAgo(id, pg) {
		return nil
	}
	return each(ctx, d, pg.ID, func(page []disk.Entry) error {
		ids := make([]disk.ShardID, len(page))
		for i, e := range page {
			ids[i] = e.ShardID
		}
		if row := w.cfg.Root.View().PG(pg.ID); row == nil || row.Gen != pg.Gen {
			return nil // it changed meanwhile: the next pass looks again
		}
		return d.Evict(ctx, ids)
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
		w.absent[key] = time.Now()
	}
	return ok && time.Since(since) > graceTime
}

// absence is a disk that a generation of a row does not name.
type absence struct {
	disk placement.DiskID
	pg   placement.PGID
	gen  uint32
}

// collectOrphans asks the owners of old blobs whether they are dead and deletes
// those that are.
func (w *Worker) collectOrphans(ctx context.Context, d *disk.Disk, pg *placement.PG) error {
	old := store.TimeOf(time.Now().Add(-orphanAge)).CreatedSeconds()
	return each(ctx, d, pg.ID, func(page []disk.Entry) error {
		var dead []store.BlobID
		for _, e := range page {
			if int64(e.Blob.Created()) >= old {
				continue
			}
			sh, _, err := d.Describe(e.ShardID)
			if err != nil {
				continue // a damaged header tells no owner: repair replaces the shard first
			}
			isDead, _, err := w.cfg.Rows.Resolve(ctx, sh.Owner.NS, sh.Owner.Key, e.Blob)
			if err != nil {
				return err
			}
			if isDead {
				dead = append(dead, e.Blob)
			}
		}
		return w.deleteOrphans(ctx, pg, dead)
	})
}

// deleteOrphans deletes dead blobs at every disk of their group. A disk that is
// away keeps its shards and is asked again by the next scan.
func (w *Worker) deleteOrphans(ctx context.Context, pg *placement.PG, dead []store.BlobID) error {
	if len(dead) == 0 {
		return nil
	}
	topo, err := w.cfg.Root.View().Topology()
	if err != nil {
		return err
	}
	w.cfg.Logger.Info("orphans deleted", "pg", pg.ID, "blobs", len(dead))
	for _, d := range pg.Holders {
		if err := w.deleteAtDisk(ctx, topo, d, dead); err != nil {
			w.cfg.Logger.Warn("orphans kept", "disk", d, "err", err)
		}
	}
	return nil
}
