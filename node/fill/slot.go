package fill

import (
	"bytes"
	"context"
	"fmt"
	"slices"

	"cairn/node/data/disk"
	"cairn/placement"
	"cairn/store"
)

// fillSlot brings all shards of a slot to its disk and clears the slot's prev.
func (f *Filler) fillSlot(ctx context.Context, p *Progress, pg *placement.PG) error {
	policy := f.cfg.Root.View().Policy(pg.Policy)
	if policy == nil {
		return store.Errorf(store.KindUnavailable, "fill slot", "policy %d is not in the map", pg.Policy)
	}
	topo, err := f.cfg.Root.View().Topology()
	if err != nil {
		return err
	}
	urgent := placement.Redundancy(topo, *policy, pg) <= 1
	m, err := f.openMerge(ctx, topo, pg, int(policy.K))
	if err != nil {
		return err
	}
	local := f.cfg.Local.ByID()[p.Disk]
	if local == nil {
		return store.Errorf(store.KindUnavailable, "fill slot", "disk %d is not open", p.Disk)
	}
	stuck := 0
	for m.next(ctx) {
		id := disk.ShardID{Blob: m.blob, Index: uint8(p.Slot)}
		n, err := f.bring(ctx, local, pg.Gen, id, urgent)
		if err != nil && ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			if f.mayBeSkipped(ctx, pg, id.Blob, err) {
				continue
			}
			stuck++
			f.cfg.Logger.Debug("shard not rebuilt", "blob", id.Blob, "shard", id.Index, "err", err)
		}
		f.note(p, n)
	}
	if m.err != nil {
		return m.err
	}
	if stuck > 0 {
		return store.Errorf(store.KindUnavailable, "fill slot", "%d blobs have too few shards that can be read now", stuck)
	}
	return f.finish(ctx, p)
}

func (f *Filler) note(p *Progress, n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	p.Blobs++
	if n > 0 {
		p.Copied++
		p.Bytes += int64(n)
	}
}

// finish clears the slot's prev in the newest row, if it still is this disk's.
func (f *Filler) finish(ctx context.Context, p *Progress) error {
	row := f.cfg.Root.View().PG(p.PG)
	if row == nil || row.Holders[p.Slot] != p.Disk {
		return nil // the slot was given to another disk meanwhile
	}
	if row.PrevOf(p.Slot) == 0 {
		return nil
	}
	next, err := row.Done(p.Slot, p.Disk)
	if err != nil {
		return err
	}
	return f.cfg.Root.SetPG(ctx, &next)
}

// bring makes sure that one shard is on a local disk; it returns the bytes that
// had to be brought in.
func (f *Filler) bring(ctx context.Context, local *disk.Disk, gen uint32, id disk.ShardID, urgent bool) (int, error) {
	states, err := local.Has(ctx, []disk.ShardID{id})
	if err != nil || states[0] == disk.Present || states[0] == disk.Deleted {
		return 0, err
	}
	r, err := f.cfg.Blobs.Rebuild(ctx, id.Blob, int(id.Index))
	if err != nil {
		return 0, err
	}
	defer r.Data.Release()
	n := r.Data.Len()
	if err := f.pace(ctx, n, urgent); err != nil {
		return 0, err
	}
	sh := disk.Shard{ShardID: id, K: r.K, M: r.M, BlobLen: uint32(r.BlobLen), Owner: r.Owner}
	return n, local.Write(ctx, sh, gen, r.Data.Parts(), disk.CRC(r.Data.Parts()...))
}

// mayBeSkipped reports whether a blob that could not be rebuilt is nobody's: too
// few shards exist and the owner, as far as one is known, does not refer to it.
func (f *Filler) mayBeSkipped(ctx context.Context, pg *placement.PG, blob store.BlobID, cause error) bool {
	if !store.Is(cause, store.KindNotFound) {
		return false
	}
	owner, err := f.cfg.Blobs.Owner(ctx, blob)
	if err != nil {
		return false
	}
	used, err := f.cfg.Used(ctx, owner, blob)
	return err == nil && !used
}

// merge walks the union of several disks' lists of one group, tombstoned blobs
// left out.
type merge struct {
	f       *Filler
	pg      placement.PGID
	sources []*source
	blob    store.BlobID
	err     error
}

// source is one disk's list, a page at a time.
type source struct {
	node placement.NodeID
	disk placement.DiskID
	page []disk.Entry
	more bool
	last store.BlobID
}

// pageSize is how many entries are asked of a disk at a time.
const pageSize = 2000

// openMerge fences the group at all its disks and opens the lists of those that
// answer. An acknowledged blob has at least k+1 shards, so with k or fewer disks
// silent every one of them is in some list; with more it fails.
func (f *Filler) openMerge(ctx context.Context, topo *placement.Topology, pg *placement.PG, k int) (*merge, error) {
	m := &merge{f: f, pg: pg.ID}
	seen := map[placement.DiskID]bool{0: true}
	silent := 0
	var last error
	for i, d := range slices.Concat(pg.Holders, pg.Prev) {
		if seen[d] {
			continue
		}
		seen[d] = true
		node, err := f.fence(ctx, topo, d, pg)
		if err == nil {
			m.sources = append(m.sources, &source{node: node, disk: d, more: true})
		} else if last = err; i < len(pg.Holders) {
			silent++
		}
	}
	if silent > k {
		return nil, store.Errorf(store.KindUnavailable, "fill slot", "%d disks of group %d do not answer: %w", silent, pg.ID, last)
	}
	return m, nil
}

func (f *Filler) fence(ctx context.Context, topo *placement.Topology, d placement.DiskID, pg *placement.PG) (placement.NodeID, error) {
	node, ok := topo.NodeOf(d)
	if !ok {
		return 0, store.Errorf(store.KindUnavailable, "fence", "disk %d is not in the map", d)
	}
	return node.ID, f.cfg.Remote.Fence(ctx, node.ID, d, pg.ID, pg.Gen)
}

// next moves to the next blob that any disk has and none has deleted.
func (m *merge) next(ctx context.Context) bool {
	for m.err == nil {
		var low *store.BlobID
		for _, s := range m.sources {
			if m.err = m.refill(ctx, s); m.err != nil {
				return false
			}
			if len(s.page) > 0 && (low == nil || bytes.Compare(s.page[0].Blob[:], low[:]) < 0) {
				low = &s.page[0].Blob
			}
		}
		if low == nil {
			return false
		}
		m.blob = *low
		if !m.take() {
			return true
		}
	}
	return false
}

// take drops the entries of the current blob and reports whether it is deleted.
func (m *merge) take() (deleted bool) {
	for _, s := range m.sources {
		for len(s.page) > 0 && s.page[0].Blob == m.blob {
			deleted = deleted || s.page[0].State == disk.Deleted
			s.page = s.page[1:]
		}
	}
	return deleted
}

// refill fetches the next page of a list. A disk that stops answering ends the
// merge: the slot is tried again.
func (m *merge) refill(ctx context.Context, s *source) error {
	if len(s.page) > 0 || !s.more {
		return nil
	}
	page, more, err := m.f.cfg.Remote.List(ctx, s.node, s.disk, m.pg, s.last, pageSize)
	if err != nil {
		return fmt.Errorf("list group %d at disk %d: %w", m.pg, s.disk, err)
	}
	s.page, s.more = page, more && len(page) > 0
	if len(page) > 0 {
		s.last = page[len(page)-1].Blob
	}
	return nil
}
