package disk

import (
	"errors"

	"github.com/cockroachdb/pebble/v2"

	"cairn/store"
)

// openIndex opens the index and brings it up to date with the segments, which are
// loaded. A damaged index is made anew.
func (d *Disk) openIndex() error {
	err := d.loadIndex()
	if !damaged(err) {
		return err
	}
	if d.index != nil {
		_ = d.index.close() // it is given up
		d.index = nil
	}
	if err := errors.Join(d.vol.index.RemoveAll(d.vol.indexDir), createIndex(d.vol.index, d.vol.indexDir)); err != nil {
		return err
	}
	d.rebuilt = true
	d.segs.forgetLive()
	d.count.shards.Store(0)
	d.count.bad.Store(0)
	return d.loadIndex()
}

// damaged reports whether err says that the index does not hold what was written
// to it.
func damaged(err error) bool {
	return store.Is(err, store.KindCorrupt) || pebble.IsCorruptionError(err)
}

// loadIndex opens the index, recovers, and reads what is kept in memory.
func (d *Disk) loadIndex() (err error) {
	if d.index, err = openIndex(d.vol.index, d.vol.indexDir, false); err != nil {
		return err
	}
	if err := d.recover(); err != nil {
		return err
	}
	if err := d.account(); err != nil {
		return err
	}
	return d.fences.load(d.index)
}
