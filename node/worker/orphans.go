package worker

import (
	"context"
	"slices"
	"time"

	"cairn/node/data/disk"
	"cairn/node/root"
	"cairn/placement"
	"cairn/store"
)

// orphanAge is how old a blob must be before its owner is asked whether it is
// dead; the owner's group decides by its own time.
const orphanAge = 24 * time.Hour

// scanInterval is how often a group is looked through for orphans.
const scanInterval = 24 * time.Hour

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
				err = w.evict(ctx, topo, id, d, pg)
			case w.firstLive(topo, pg) == id && w.scanDue(pg.ID):
				if err = w.collectOrphans(ctx, topo, pg); err == nil {
					w.scanned(pg.ID)
				}
			}
			if err != nil && ctx.Err() == nil {
				w.cfg.Logger.Warn("disk pass", "disk", id, "pg", pg.ID, "err", err)
			}
		}
	}
}

// scanDue reports whether a group has not been looked through for orphans for
// long enough; scanned notes that it was now. A restart scans anew.
func (w *Worker) scanDue(pg placement.PGID) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.cfg.Clock().Sub(w.scans[pg]) >= scanInterval
}

func (w *Worker) scanned(pg placement.PGID) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.scans[pg] = w.cfg.Clock()
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

// collectOrphans looks at all that is listed for a group. What one disk has and
// another has deleted came back with a disk that was away, and goes. Of the old
// rest the owners are asked: without an entry in the log first, as nearly all are
// referred to, and then, before anything is deleted, with one.
func (w *Worker) collectOrphans(ctx context.Context, topo *placement.Topology, pg *placement.PG) error {
	old, deleted, err := w.listGroup(ctx, topo, pg)
	if err != nil {
		return err
	}
	dead, err := w.deadOf(ctx, old, deleted)
	if err != nil {
		return err
	}
	for batch := range slices.Chunk(dead, deleteBatch) {
		if err := w.deleteOrphans(ctx, topo, pg, batch); err != nil {
			return err
		}
	}
	return nil
}

// listGroup returns the blobs of which a shard is listed and that are old enough
// to be orphans, or deleted elsewhere, and those of which there is a tombstone.
// Disks that do not answer are left out: their turn comes with a later scan.
func (w *Worker) listGroup(ctx context.Context, topo *placement.Topology, pg *placement.PG) (old, deleted map[store.BlobID]bool, err error) {
	limit := store.TimeOf(w.cfg.Clock().Add(-orphanAge)).CreatedSeconds()
	old, deleted = map[store.BlobID]bool{}, map[store.BlobID]bool{}
	var young []store.BlobID
	for _, d := range pg.Holders {
		node, ok := topo.NodeOf(d)
		var after store.BlobID
		for more := ok; more && ctx.Err() == nil; {
			var page []disk.Entry
			page, more, err = w.cfg.Data.List(ctx, node.ID, d, pg.ID, after, listPage)
			if err != nil || len(page) == 0 {
				break
			}
			for _, e := range page {
				switch {
				case e.State == disk.Deleted:
					deleted[e.Blob] = true
				case int64(e.Blob.Created()) < limit:
					old[e.Blob] = true
				default:
					young = append(young, e.Blob)
				}
			}
			after = page[len(page)-1].Blob
		}
	}
	for _, blob := range young {
		if deleted[blob] {
			old[blob] = true
		}
	}
	return old, deleted, ctx.Err()
}

// listPage is how many shards are asked of a disk at a time.
const listPage = 2000

// deadOf returns those of the old blobs that are deleted elsewhere, or of which
// their owner says that they are dead. A blob that tells no owner is kept: repair
// replaces its damaged shards first.
func (w *Worker) deadOf(ctx context.Context, old, deleted map[store.BlobID]bool) (dead []store.BlobID, err error) {
	type owner struct {
		ns  store.NS
		key string
	}
	byOwner := map[owner][]store.BlobID{}
	for blob := range old {
		if deleted[blob] {
			dead = append(dead, blob)
			continue
		}
		o, err := w.cfg.Blobs.Owner(ctx, blob)
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if err == nil {
			key := owner{o.NS, string(o.Key)}
			byOwner[key] = append(byOwner[key], blob)
		}
	}
	for o, blobs := range byOwner {
		for batch := range slices.Chunk(blobs, deleteBatch) {
			more, err := w.deadAmong(ctx, o.ns, []byte(o.key), batch)
			if err != nil {
				return nil, err
			}
			dead = append(dead, more...)
		}
	}
	return dead, nil
}

// deadAmong asks the owner of some blobs which of them it does not refer to, and
// then, in its log, which of those are dead.
func (w *Worker) deadAmong(ctx context.Context, ns store.NS, key []byte, blobs []store.BlobID) (dead []store.BlobID, err error) {
	used, err := w.cfg.Rows.Used(ctx, ns, key, blobs)
	if err != nil {
		return nil, err
	}
	for i, blob := range blobs {
		if used[i] {
			continue
		}
		isDead, _, err := w.cfg.Rows.Resolve(ctx, ns, key, blob)
		if err != nil {
			return nil, err
		}
		if isDead {
			dead = append(dead, blob)
		}
	}
	return dead, nil
}

// deleteOrphans deletes dead blobs at every disk of their group. A disk that is
// away keeps its shards until a scan finds them beside the others' tombstones.
func (w *Worker) deleteOrphans(ctx context.Context, topo *placement.Topology, pg *placement.PG, dead []store.BlobID) error {
	w.cfg.Logger.Info("orphans deleted", "pg", pg.ID, "blobs", len(dead))
	for _, d := range slices.Concat(pg.Holders, pg.Prev) {
		if d == 0 {
			continue
		}
		if err := w.deleteAtDisk(ctx, topo, d, dead); err != nil {
			w.cfg.Logger.Warn("orphans kept", "disk", d, "err", err)
		}
	}
	return ctx.Err()
}
