package worker

import (
	"context"
	"sync"
	"time"

	"cairn/node/meta"
	"cairn/node/raftgroup"
	"cairn/placement"
	"cairn/store"
)

const (
	// deleteBatch is how many rows of the delete queue a pass takes.
	deleteBatch = 1000
	// maxHorizon is the longest that a running read holds deletions back.
	maxHorizon = 24 * time.Hour
	// graceTime is how long before it is due a row was written.
	graceTime = 15 * time.Minute
	// deleteTimeout bounds one disk's deletion of a batch.
	deleteTimeout = 30 * time.Second
)

// deleteDue deletes blobs whose rows have fallen due. What a disk that is away
// would have to delete is held on to for it, so that it holds up nothing else.
func (w *Worker) deleteDue(ctx context.Context, g *raftgroup.Group, s *GroupStats) error {
	rows, err := w.readDue(g)
	if err != nil || len(rows) == 0 {
		return err
	}
	gens := w.gens(rows)
	failed, err := w.deleteAt(ctx, rows)
	if err != nil {
		return err
	}
	// A holder that joined meanwhile may have copied a shard just before it was
	// deleted: rows of placement groups that changed are done again. One that
	// joins from now on finds the tombstones.
	if err := w.cfg.Root.Sync(ctx); err != nil {
		return err
	}
	now := w.gens(rows)
	var done []meta.Deletion
	held := map[placement.DiskID][]meta.Deletion{}
	for _, r := range rows {
		pg := r.Blob.PG()
		if gens[pg] == 0 || gens[pg] != now[pg] {
			continue
		}
		done = append(done, r)
		for _, d := range w.waitsFor(r.Blob, failed) {
			held[d] = append(held[d], r)
		}
	}
	if len(done) == 0 {
		return nil
	}
	return meta.Collected(ctx, g, w.cfg.Session, done, held)
}

// gens returns the generations of the placement groups of some rows, as this
// node's map has them.
func (w *Worker) gens(rows []meta.Deletion) map[uint32]uint32 {
	out := map[uint32]uint32{}
	for _, r := range rows {
		if pg := w.cfg.Root.View().PG(placement.PGID(r.Blob.PG())); pg != nil {
			out[uint32(pg.ID)] = pg.Gen
		}
	}
	return out
}

// readDue reads the first rows that are due and were written before the oldest
// read that still runs.
func (w *Worker) readDue(g *raftgroup.Group) (rows []meta.Deletion, err error) {
	snap, err := g.ReadLocal()
	if err != nil {
		return nil, err
	}
	defer snap.Close()
	for r, err := range meta.Deletions(snap, w.due(g)) {
		if err != nil {
			return nil, err
		}
		if rows = append(rows, r); len(rows) == deleteBatch {
			break
		}
	}
	return rows, nil
}

// due returns the newest time at which a row must have fallen due to be deleted
// now.
func (w *Worker) due(g *raftgroup.Group) uint32 {
	now := g.Now()
	horizon := max(store.TimeOf(w.cfg.Root.Live().ReadHorizon(w.cfg.Clock())), now-store.Time(maxHorizon.Milliseconds()))
	return uint32(max(min(now.CreatedSeconds(), horizon.CreatedSeconds()-1+int64(graceTime/time.Second)), 0))
}

// places returns every disk that may have shards of a blob.
func (w *Worker) places(blob store.BlobID) (holders, leaving []placement.DiskID) {
	pg := w.cfg.Root.View().PG(placement.PGID(blob.PG()))
	if pg == nil {
		return nil, nil
	}
	return pg.Holders, pg.Prev
}

// deleteAt deletes blobs at all their disks and returns the disks that failed.
func (w *Worker) deleteAt(ctx context.Context, rows []meta.Deletion) (failed map[placement.DiskID]bool, err error) {
	topo, err := w.cfg.Root.View().Topology()
	if err != nil {
		return nil, err
	}
	byDisk := map[placement.DiskID][]store.BlobID{}
	for _, r := range rows {
		holders, leaving := w.places(r.Blob)
		for _, list := range [][]placement.DiskID{holders, leaving} {
			for _, d := range list {
				if d != 0 {
					byDisk[d] = append(byDisk[d], r.Blob)
				}
			}
		}
	}
	var mu sync.Mutex
	var wg sync.WaitGroup
	failed = map[placement.DiskID]bool{}
	for d, blobs := range byDisk {
		wg.Go(func() {
			ok := w.answers(d) && w.deleteAtDisk(ctx, topo, d, blobs) == nil
			mu.Lock()
			defer mu.Unlock()
			failed[d] = !ok
		})
	}
	wg.Wait()
	return failed, ctx.Err()
}

func (w *Worker) deleteAtDisk(ctx context.Context, topo *placement.Topology, d placement.DiskID, blobs []store.BlobID) error {
	node, ok := topo.NodeOf(d)
	if !ok {
		return nil // a disk that is not in the map any more has nothing to delete
	}
	ctx, cancel := w.whileUp(ctx, node.ID, deleteTimeout)
	defer cancel()
	return w.cfg.Data.Delete(ctx, node.ID, d, blobs)
}

// waitsFor returns the holders of a blob that failed to delete it and whose
// contents count.
func (w *Worker) waitsFor(blob store.BlobID, failed map[placement.DiskID]bool) (out []placement.DiskID) {
	holders, _ := w.places(blob)
	for _, d := range holders {
		if failed[d] && w.counted(d) {
			out = append(out, d)
		}
	}
	return out
}

// counted reports whether what a disk holds counts. One that is out is not waited
// for: it is compared before its contents count again.
func (w *Worker) counted(d placement.DiskID) bool {
	row := w.cfg.Root.View().Disk(d)
	return row != nil && placement.AdminState(row.Admin).Counted()
}
