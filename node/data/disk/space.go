package disk

import (
	"errors"
	"sync/atomic"

	"golang.org/x/sys/unix"

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

// room is the space of a disk at one moment: the filesystem's, or what is left
// of the configured capacity if that is less.
type room struct {
	capacity, free int64
	err            error
}

func (d *Disk) measure() (r room) {
	r.capacity, r.free, r.err = d.vol.fs.Space()
	if limit := d.opts.Capacity; limit > 0 {
		used, _, _ := d.segs.usage()
		r.capacity, r.free = limit, min(r.free, limit-used)
	}
	return r
}

// check refuses writes that would eat into the reserve. Compaction, which frees
// more than it writes, may use it.
func (r room) check(need int64, compaction bool) error {
	reserve := r.capacity * reservePercent / 100
	if compaction {
		reserve = 0
	}
	if r.err == nil && r.free-need < reserve {
		return noSpace(nil)
	}
	return r.err
}

// full reports whether err says that the filesystem has no room.
func full(err error) bool { return errors.Is(err, unix.ENOSPC) || errors.Is(err, unix.EDQUOT) }

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
	Rebuilt      bool  // its index was damaged and made anew from the segments
}

// Full reports whether the disk is so near its reserve that the next shard may
// be refused.
func (s Stats) Full() bool {
	next := min(MaxShard, s.Capacity/100)
	return s.Free-next < s.Capacity*reservePercent/100
}

// Stats returns the current figures.
func (d *Disk) Stats() (Stats, error) {
	if err := d.begin(); err != nil {
		return Stats{}, err
	}
	defer d.end()
	r := d.measure()
	used, live, segments := d.segs.usage()
	return Stats{
		Capacity: r.capacity, Free: r.free, Used: used, Live: live, Segments: segments,
		Shards: d.count.shards.Load(), Bad: d.count.bad.Load(),
		Fsyncs: d.count.fsyncs.Load(), BytesWritten: d.count.written.Load(), BytesRead: d.count.read.Load(),
		Recovered: d.recovered, Rebuilt: d.rebuilt,
	}, r.err
}
