package fill

import (
	"context"
	"slices"
	"time"

	"cairn/node/data/disk"
	"cairn/placement"
	"cairn/store"
)

// damageInterval is how often disks are asked whether a read found damage.
const damageInterval = 15 * time.Second

// watchDamage replaces shards that failed a check. The disk marked them when
// that happened, and the marks outlive a restart.
func (f *Filler) watchDamage(ctx context.Context) {
	tick := time.NewTicker(damageInterval)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			f.mendAll(ctx)
		case <-ctx.Done():
			return
		}
	}
}

func (f *Filler) mendAll(ctx context.Context) {
	for id, d := range f.cfg.Local.ByID() {
		st, err := d.Stats()
		if err != nil || st.Bad == 0 {
			continue
		}
		n, err := f.mendDisk(ctx, id, d)
		if err != nil && ctx.Err() == nil {
			f.cfg.Logger.Warn("damaged shards remain", "disk", id, "mended", n, "err", err)
		} else if n > 0 {
			f.cfg.Logger.Info("damaged shards replaced", "disk", id, "shards", n)
		}
	}
}

// mendDisk looks through the groups of a disk for marked shards and rebuilds
// them. It goes on after one that cannot be rebuilt now, and returns its error.
func (f *Filler) mendDisk(ctx context.Context, id placement.DiskID, d *disk.Disk) (mended int, last error) {
	for _, pg := range f.cfg.Root.View().PGs() {
		slot := slices.Index(pg.Holders, id)
		if slot < 0 {
			continue
		}
		n, err := f.mendGroup(ctx, d, pg, slot)
		mended += n
		if err != nil {
			last = err
		}
	}
	return mended, last
}

func (f *Filler) mendGroup(ctx context.Context, d *disk.Disk, pg *placement.PG, slot int) (mended int, last error) {
	var after store.BlobID
	for {
		page, more, err := d.List(ctx, uint32(pg.ID), after, pageSize, false)
		if err != nil || len(page) == 0 {
			return mended, err
		}
		for _, e := range page {
			if e.State != disk.Bad || int(e.Index) != slot {
				continue
			}
			if _, err := f.bring(ctx, d, pg.Gen, e.ShardID, true); err != nil {
				last = err
			} else {
				mended++
			}
		}
		if !more {
			return mended, last
		}
		after = page[len(page)-1].Blob
	}
}
