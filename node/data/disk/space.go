package disk

import (
	"sync/atomic"

	"cairn/store"
)

// reservePercent of the capacity is kept back from writes, for the index, for
// deletes and for compaction.
const reservePercent = 5

// counters are the figures of a disk since it was opened, and how many shards it
// holds.
type counters struct {
	shards, bad           atomic.Int64
	fsyncs, written, read atomic.Int64
}

// space returns capacity and free bytes: the filesystem's, or what is left of
// the configured capacity if that is less.
func (d *Disk) space() (capacity, free int64, err error) {
	capacity, free, err = d.vol.fs.Space()
	if err != nil || d.opts.Capacity == 0 {
		return capacity, free, err
	}
	used, _, _ := d.segs.usage()
	return d.opts.Capacity, min(free, d.opts.Capacity-used), nil
}

// checkSpace refuses a write that would eat into the reserve. Compaction, which
// frees more than it writes, may use it.
func (d *Disk) checkSpace(need int64, compaction bool) error {
	capacity, free, err := d.space()
	if err != nil {
		return err
	}
	reserve := capacity * reservePercent / 100
	if compaction {
		reserve = 0
	}
	if free-need < reserve {
		return noSpace(nil)
	}
	return nil
}

func noSpace(cause error) *store.Error {
	return &store.Error{Op: "write shard", Kind: store.KindNoSpace, Err: cause,
		Hint: "add disks, or delete something: deletes still work"}
}

// Stats describes a disk at one moment.
type Stats struct {
	Capacity, Free int64 // bytes; Free includes the reserve
	Used, Live     int64 // bytes of the segments, and those that hold shards
	Shards, Bad    int64
	Segments       int

	// Since the disk was opened:
	Fsyncs       int64 // of segments
	BytesWritten int64 // to segments
	BytesRead    int64 // by readers
	Recovered    bool  // it had not been closed in order
}

// Full reports whether the disk is at its reserve and takes no more shards.
func (s Stats) Full() bool { return s.Free < s.Capacity*reservePercent/100 }

// Stats returns the current figures.
func (d *Disk) Stats() (Stats, error) {
	if err := d.begin(); err != nil {
		return Stats{}, err
	}
	defer d.end()
	capacity, free, err := d.space()
	used, live, segments := d.segs.usage()
	return Stats{
		Capacity: capacity, Free: free, Used: used, Live: live, Segments: segments,
		Shards: d.count.shards.Load(), Bad: d.count.bad.Load(),
		Fsyncs: d.count.fsyncs.Load(), BytesWritten: d.count.written.Load(), BytesRead: d.count.read.Load(),
		Recovered: d.recovered,
	}, err
}
