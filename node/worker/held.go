package worker

import (
	"context"
	"fmt"
	"time"

	"cairn/node/meta"
	"cairn/node/raftgroup"
	"cairn/placement"
	"cairn/store"
)

// A disk that did not delete what it was told is asked again after minRetry, and
// then ever more rarely.
const (
	minRetry = time.Second
	maxRetry = time.Minute
)

// retry is when a disk is asked again.
type retry struct {
	at    time.Time
	delay time.Duration
}

// heldKey names what a group holds on to for a disk.
type heldKey struct {
	group raftgroup.GroupID
	disk  placement.DiskID
}

// deleteHeld deletes at disks that were away what the others have deleted long
// since.
func (w *Worker) deleteHeld(ctx context.Context, g *raftgroup.Group, _ *GroupStats) error {
	snap, err := g.ReadLocal()
	if err != nil {
		return err
	}
	defer snap.Close()
	disks, err := meta.HeldDisks(snap)
	if err != nil {
		return err
	}
	var last error
	for _, d := range disks {
		key := heldKey{g.ID(), d}
		if w.counted(d) && (!w.answers(d) || !w.mayTry(key)) {
			last = store.Errorf(store.KindUnavailable, "delete blobs", "disk %d is away or refuses", d)
			continue
		}
		err := w.deleteHeldAt(ctx, g, snap, d)
		w.tried(key, err == nil)
		if err != nil {
			last = fmt.Errorf("disk %d: %w", d, err)
		}
	}
	return last
}

// deleteHeldAt deletes a batch of what is held on to for a disk. A disk whose
// contents do not count any more, or that left the blob's group, is let off.
func (w *Worker) deleteHeldAt(ctx context.Context, g *raftgroup.Group, rows raftgroup.Rows, d placement.DiskID) error {
	var batch []meta.Deletion
	var blobs []store.BlobID
	counts := w.counted(d)
	for r, err := range meta.Held(rows, d) {
		if err != nil {
			return err
		}
		pg := w.cfg.Root.View().PG(placement.PGID(r.Blob.PG()))
		if counts && pg != nil && pg.Has(d) {
			blobs = append(blobs, r.Blob)
		}
		if batch = append(batch, r); len(batch) == deleteBatch {
			break
		}
	}
	if len(blobs) > 0 {
		topo, err := w.cfg.Root.View().Topology()
		if err != nil {
			return err
		}
		if err := w.deleteAtDisk(ctx, topo, d, blobs); err != nil {
			return err
		}
	}
	return meta.Released(ctx, g, w.cfg.Session, d, batch)
}

func (w *Worker) mayTry(k heldKey) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return !time.Now().Before(w.retries[k].at)
}

func (w *Worker) tried(k heldKey, ok bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if ok {
		delete(w.retries, k)
		return
	}
	delay := min(max(2*w.retries[k].delay, minRetry), maxRetry)
	w.retries[k] = retry{time.Now().Add(delay), delay}
}
