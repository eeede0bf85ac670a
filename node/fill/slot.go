package fill

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

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
	m := f.openMerge(ctx, topo, pg, int(policy.K))
	local := f.cfg.Local.ByID()[p.Disk]
	if local == nil {
		return store.Errorf(store.KindUnavailable, "fill slot", "disk %d is not open", p.Disk)
	}
	stuck := 0
	for m.next(ctx) {
		if pg = f.mine(p); pg == nil {
			return nil // the slot was given to another disk meanwhile
		}
		id := disk.ShardID{Blob: m.blob, Index: uint8(p.Slot)}
		n, err := f.bring(ctx, local, pg.Gen, id, urgent)
		switch {
		case err == nil:
			f.note(p, n)
		case !errors.Is(err, errNotRebuilt) || ctx.Err() != nil:
			return err // of this disk, or the row has changed: no use to go on
		case !f.passOver(ctx, pg.Gen, id):
			stuck++
			f.cfg.Logger.Debug("shard not rebuilt", "blob", id.Blob, "shard", id.Index, "err", err)
		}
	}
	if m.err != nil {
		return m.err
	}
	if stuck > 0 {
		return store.Errorf(store.KindUnavailable, "fill slot", "%d blobs have too few shards that can be read now", stuck)
	}
	if m.unsure != nil {
		return m.unsure
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

// mine returns the newest row of the group, or nil if the slot is not this disk's
// to fill any more.
func (f *Filler) mine(p *Progress) *placement.PG {
	row := f.cfg.Root.View().PG(p.PG)
	if row == nil || row.Holders[p.Slot] != p.Disk || row.PrevOf(p.Slot) == 0 {
		return nil
	}
	return row
}

// finish clears the slot's prev in the newest row, if it still is this disk's.
func (f *Filler) finish(ctx context.Context, p *Progress) error {
	row := f.mine(p)
	if row == nil {
		return nil
	}
	next, err := row.Done(p.Slot, p.Disk)
	if err != nil {
		return err
	}
	return f.cfg.Root.SetPG(ctx, &next)
}

// errNotRebuilt marks the error of a shard that could not be had from the others.
var errNotRebuilt = errors.New("the shard was not rebuilt")

// bring makes sure that one shard is on a local disk; it returns the bytes that
// had to be brought in. A shard whose blob was deleted needs no bringing.
func (f *Filler) bring(ctx context.Context, local *disk.Disk, gen uint32, id disk.ShardID, urgent bool) (int, error) {
	states, err := local.Has(ctx, []disk.ShardID{id})
	if err != nil || states[0] == disk.Present || states[0] == disk.Deleted {
		return 0, err
	}
	r, err := f.cfg.Blobs.Rebuild(ctx, id.Blob, int(id.Index))
	if err != nil {
		return 0, errors.Join(errNotRebuilt, err)
	}
	defer r.Data.Release()
	n := r.Data.Len()
	if err := f.pace(ctx, n, urgent); err != nil {
		return 0, err
	}
	sh := disk.Shard{ShardID: id, K: r.K, M: r.M, BlobLen: uint32(r.BlobLen), Owner: r.Owner}
	err = local.Write(ctx, sh, gen, r.Data.Parts(), disk.CRC(r.Data.Parts()...))
	if store.Is(err, store.KindConflict) && store.ReasonOf(err) == "deleted" {
		return 0, nil
	}
	return n, err
}

// passOver reports whether a blob that could not be rebuilt is nobody's: its
// owner says, in its log, that nothing refers to it. If that changes later, the
// receipt is older than the row and the debt is recorded.
func (f *Filler) passOver(ctx context.Context, gen uint32, id disk.ShardID) bool {
	owner, err := f.cfg.Blobs.Owner(ctx, id.Blob)
	if err != nil {
		return false
	}
	used, err := f.cfg.PassOver(ctx, owner, id.Blob, gen, int(id.Index))
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
	unsure  error // there may be blobs that no source lists
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

// fenceTimeout is how long a disk may take to fence before it counts as silent.
const fenceTimeout = 5 * time.Second

// openMerge fences the group at all its disks and opens the lists of those that
// answer. The others' slots are blind if what is silent may come back, that is,
// if it counts, and lost otherwise; a slot that is being filled is as good as the
// disk before it.
//
// An acknowledged blob has shards in k+1 slots at least, so with k or fewer blind
// and lost ones each is in some list. With more, one may be on blind disks only:
// then what is listed is brought in, but the slot is not complete until they
// answer or are given up. A blob that is on lost disks only is lost.
func (f *Filler) openMerge(ctx context.Context, topo *placement.Topology, pg *placement.PG, k int) *merge {
	m := &merge{f: f, pg: pg.ID}
	silent := map[placement.DiskID]bool{}
	var last error
	for _, d := range slices.Concat(pg.Holders, pg.Prev) {
		if _, seen := silent[d]; seen || d == 0 {
			continue
		}
		node, err := f.fence(ctx, topo, d, pg)
		if silent[d] = err != nil; err != nil {
			last = err
			continue
		}
		m.sources = append(m.sources, &source{node: node, disk: d, more: true})
	}
	blind, lost := 0, 0
	for i, d := range pg.Holders {
		prev := pg.PrevOf(i)
		switch {
		case silent[d] && topo.Counted(d), silent[prev] && topo.Counted(prev):
			blind++
		case silent[d], silent[prev]:
			lost++
		}
	}
	if blind > 0 && blind+lost > k {
		m.unsure = store.Errorf(store.KindUnavailable, "fill slot", "%d slots of group %d cannot be listed: %w", blind, pg.ID, last)
	}
	return m
}

func (f *Filler) fence(ctx context.Context, topo *placement.Topology, d placement.DiskID, pg *placement.PG) (placement.NodeID, error) {
	node, ok := topo.NodeOf(d)
	if !ok {
		return 0, store.Errorf(store.KindUnavailable, "fence", "disk %d is not in the map", d)
	}
	ctx, cancel := context.WithTimeout(ctx, fenceTimeout)
	defer cancel()
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
