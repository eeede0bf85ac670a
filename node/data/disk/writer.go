package disk

import "cairn/store"

const (
	// A group is what one fdatasync covers. It is never waited for: while one
	// is being synced the next one collects, so groups grow with the load and a
	// lone writer waits for nobody.
	maxGroupBytes  = 4 << 20
	maxGroupWrites = 256

	// checkpointBytes bounds what a recovery has to read.
	checkpointBytes = 256 << 20
	// allocateBytes is how far ahead blocks are reserved, so that a segment lies
	// in few pieces.
	allocateBytes = 64 << 20
	// cacheWindow is how much of what was written last stays in the page cache,
	// and cacheStep how much leaves it at a time; see osFS.
	cacheWindow = 64 << 20
	cacheStep   = 4 << 20
)

// writer appends to the active segment. Its goroutine owns all its fields.
type writer struct {
	d         *Disk
	seg       *segment // nil before the first write
	off       int64    // where the last placed record ends
	nextNum   uint32   // of the next segment
	allocated int64
	uncached  int64 // before it, the segment was dropped from the page cache
	unsynced  int64 // bytes whose index rows may not be durable

	room   room  // measured once a group
	placed int64 // bytes placed since

	group    []*write
	barriers []*write           // of the group
	run      []*write           // placed behind seg.size, not written yet
	inRun    map[ShardID]*write // the writes of run that clients sent
	vec      [][]byte
}

// newWriter goes on in the last segment if nothing is odd about it.
func newWriter(d *Disk) (*writer, error) {
	ckpt, err := d.index.checkpoint()
	if err != nil {
		return nil, err
	}
	w := &writer{d: d, inRun: map[ShardID]*write{}, nextNum: ckpt.seg + 1}
	if all := d.segs.all(); len(all) > 0 {
		last := all[len(all)-1]
		w.nextNum = max(w.nextNum, last.num+1)
		// An append below the checkpoint would not be found after a crash.
		if !(place{last.num, uint32(last.size)}).before(ckpt) {
			w.seg, w.off, w.allocated, w.uncached = last, last.size, last.size, last.size
		}
	}
	return w, nil
}

// loop serves the queue until it is closed.
func (w *writer) loop() {
	for first := range w.d.queue {
		w.collect(first)
		w.room, w.placed = w.d.measure(), 0
		for _, r := range w.group {
			w.accept(r)
		}
		w.commitRun()
		for _, r := range w.barriers {
			r.finish(nil)
		}
		w.barriers = w.barriers[:0]
	}
}

// collect takes what is queued behind first, up to a full group.
func (w *writer) collect(first *write) {
	w.group = w.group[:0]
	bytes := int64(0)
	for r := first; r != nil; {
		if r.state.CompareAndSwap(writeQueued, writeTaken) {
			w.group = append(w.group, r)
			bytes += r.size()
		}
		if bytes >= maxGroupBytes || len(w.group) == maxGroupWrites {
			return
		}
		select {
		case r = <-w.d.queue:
		default:
			return
		}
	}
}

// accept answers r or places it in the run. Who was answered may be reused by
// its caller at once and must not be looked at again.
func (w *writer) accept(r *write) {
	if r.barrier {
		w.barriers = append(w.barriers, r)
		return
	}
	if err := w.d.Failed(); err != nil {
		r.finish(err)
		return
	}
	moved := r.from != place{}
	if first := w.inRun[r.shard.ShardID]; first != nil && !moved {
		w.attach(r, first)
		return
	}
	if !moved {
		if have, err := w.admit(r); have || err != nil {
			r.finish(err)
			return
		}
	}
	if err := w.makeRoom(r, moved); err != nil {
		r.finish(err)
		return
	}
	at := alignUp(w.off, r.dataLen)
	r.seal(w.d.salt, place{w.seg.num, uint32(at)})
	w.off = at + r.size()
	w.run = append(w.run, r)
	if !moved {
		w.inRun[r.shard.ShardID] = r
	}
}

// attach makes r share the fate of the same shard earlier in the run.
func (w *writer) attach(r, first *write) {
	if r.dataLen != first.dataLen || r.crc != first.crc {
		r.finish(conflict("content"))
		return
	}
	r.twin = first
	w.run = append(w.run, r)
}

func conflict(reason string) *store.Error {
	return &store.Error{Op: "write shard", Kind: store.KindConflict, Reason: reason}
}

// admit decides whether a client's write may go on; have means that the shard
// is here already.
func (w *writer) admit(r *write) (have bool, err error) {
	pg := r.shard.Blob.PG()
	if fence := w.d.fences.get(pg); r.gen < fence {
		return false, store.Errorf(store.KindStaleMap, "write shard", "group %d is fenced at generation %d, the write has %d", pg, fence, r.gen)
	}
	w.d.fences.note(pg, r.gen)
	deleted, err := w.d.index.deleted(r.shard.Blob)
	if err != nil {
		return false, err
	}
	if deleted {
		return false, conflict("deleted")
	}
	row, exists, err := w.d.index.shard(r.shard.ShardID)
	if err == nil && exists { // an eviction that has not heard of r.gen may be under way
		w.d.index.mu.Lock()
		row, exists, err = w.d.index.shard(r.shard.ShardID)
		w.d.index.mu.Unlock()
	}
	switch {
	case err != nil || !exists || row.bad():
		return false, err
	case !row.sameContent(r.dataLen, r.crc):
		return false, conflict("content")
	}
	return true, nil
}

// makeRoom sees to it that r fits the active segment and the disk.
func (w *writer) makeRoom(r *write, moved bool) error {
	w.placed += r.size()
	if err := w.room.check(w.placed, moved); err != nil {
		w.placed -= r.size()
		return err
	}
	if w.seg != nil && (w.off == segmentHeader || alignUp(w.off, r.dataLen)+r.size() <= w.d.opts.SegmentBytes) {
		return nil
	}
	w.commitRun()
	return w.roll()
}

// roll starts a new segment.
func (w *writer) roll() error {
	if err := w.d.Failed(); err != nil {
		return err
	}
	if w.seg != nil {
		// Blocks reserved behind the end go back; their loss would only be space.
		_ = w.seg.file.Truncate(w.seg.size)
		w.seg.file.DropCache(w.uncached, w.seg.size-w.uncached)
	}
	seg, err := w.d.segs.create(w.nextNum, w.d.super.UUID)
	if err != nil {
		return w.writeError(err)
	}
	w.d.count.fsyncs.Add(1)
	w.nextNum++
	w.seg, w.off, w.allocated, w.uncached = seg, segmentHeader, segmentHeader, 0
	return nil
}

// writeError turns a failed write into the caller's error. A full disk is no
// broken disk; everything else is.
func (w *writer) writeError(err error) error {
	if full(err) {
		return noSpace(err)
	}
	return w.d.fail(err)
}

// commitRun writes, syncs and indexes the run, and answers it.
func (w *writer) commitRun() {
	if len(w.run) == 0 {
		return
	}
	err := w.append()
	if err == nil {
		w.verifySample()
		err = w.indexRun()
	}
	for _, r := range w.run {
		switch {
		case r.twin != nil:
			r.err = r.twin.err
		case r.err == nil:
			r.err = err
		}
	}
	for _, r := range w.run {
		r.finish(r.err)
	}
	clear(w.run)
	w.run = w.run[:0]
	clear(w.inRun)
}

var zeroPage [pageSize]byte

// append writes the run behind the segment's end and syncs it.
func (w *writer) append() error {
	start := w.seg.size
	w.reserve()
	w.vec = w.vec[:0]
	pos := start
	for _, r := range w.run {
		if r.twin != nil {
			continue
		}
		if gap := int64(r.at.off) - pos; gap > 0 {
			w.vec = append(w.vec, zeroPage[:gap])
		}
		w.vec = append(append(append(w.vec, r.hdr), r.body...), r.sums)
		pos = int64(r.at.off) + r.size()
	}
	err := w.seg.file.WriteVec(w.vec, start)
	clear(w.vec)
	if err != nil {
		return w.takeBack(start, w.writeError(err))
	}
	w.d.count.written.Add(pos - start)
	w.d.count.fsyncs.Add(1)
	if err := w.seg.file.Sync(); err != nil {
		return w.d.fail(err)
	}
	w.d.segs.setSize(w.seg, pos)
	w.dropBehind()
	return nil
}

// dropBehind lets the page cache reuse its oldest pages of this segment.
func (w *writer) dropBehind() {
	if n := w.seg.size - cacheWindow - w.uncached; n >= cacheStep {
		w.seg.file.DropCache(w.uncached, n)
		w.uncached += n
	}
}

// reserve has the filesystem lay out the blocks of the next appends in one
// piece. Where it cannot, appends are merely slower.
func (w *writer) reserve() {
	if w.off <= w.allocated {
		return
	}
	n := min(allocateBytes, max(w.d.opts.SegmentBytes-w.seg.size, w.off-w.seg.size))
	_ = w.seg.file.Allocate(w.seg.size, n)
	w.allocated = w.seg.size + n
}

// takeBack removes what a failed append may have left and returns its error.
func (w *writer) takeBack(end int64, cause error) error {
	w.off, w.allocated = end, end
	if w.d.Failed() != nil {
		return cause
	}
	if err := w.seg.file.Truncate(end); err != nil {
		return w.d.fail(err)
	}
	return cause
}

// indexRun makes the run's records visible and moves the checkpoint behind them.
// A blob deleted while its shard was being written stays deleted.
func (w *writer) indexRun() error {
	if err := w.indexBatch(); err != nil {
		return w.d.fail(err)
	}
	w.unsynced += w.seg.size - int64(w.run[0].at.off)
	if w.unsynced < checkpointBytes {
		return nil
	}
	w.unsynced = 0
	if err := w.d.index.flush(); err != nil {
		return w.d.fail(err)
	}
	return nil
}

func (w *writer) indexBatch() error {
	x := w.d.index
	b := x.db.NewBatch()
	defer b.Close()
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, r := range w.run {
		if r.twin != nil || r.err != nil {
			continue
		}
		deleted, err := x.deleted(r.shard.Blob)
		if err != nil {
			return err
		}
		old, exists, err := x.shard(r.shard.ShardID)
		switch {
		case err != nil:
			return err
		case r.from != place{}:
			if !exists || old.bad() || old.place != r.from {
				continue // deleted, or found bad, since it was copied
			}
		case deleted:
			r.err = conflict("deleted")
			continue
		}
		var before *shardRow
		if exists {
			before = &old
		}
		if err := w.d.setRow(b, r.shard.ShardID, before, r.row()); err != nil {
			return err
		}
	}
	if err := b.Set([]byte{rowCheckpoint}, encodeU32s(w.seg.num, uint32(w.seg.size)), nil); err != nil {
		return err
	}
	return x.commit(b, false)
}

// verifySample reads some of the run's records back from the device.
func (w *writer) verifySample() {
	for _, r := range w.run {
		if r.twin != nil || !w.d.sampled() {
			continue
		}
		row := r.row()
		w.seg.file.DropCache(int64(row.off), row.size())
		if err := checkRecord(w.seg.file, row); err != nil {
			r.err = &store.Error{Op: "write shard", Kind: store.KindCorrupt, Reason: "verify", Err: err,
				Hint: "the device does not return what was written; replace the disk"}
		}
	}
}
