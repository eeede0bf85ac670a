package disk

import (
	"context"
	"encoding/binary"
	"hash/crc32"
	"slices"
	"sync"
	"sync/atomic"

	"cairn/store"
)

// write is one request on its way through the writer.
type write struct {
	shard   Shard
	gen     uint32
	body    [][]byte
	dataLen int
	crc     uint32
	from    place // a copy made by compaction: where the original is
	barrier bool  // no write at all: answered when all earlier ones are

	at   place
	hdr  []byte
	sums []byte // block sums, then rec_crc

	// state decides between the writer, who takes a request, and its caller,
	// who withdraws it.
	state atomic.Int32
	twin  *write // the same shard earlier in the group: shares its fate
	err   error
	done  chan struct{}
}

const (
	writeQueued int32 = iota
	writeTaken
	writeWithdrawn
)

var writePool = sync.Pool{New: func() any { return &write{done: make(chan struct{}, 1)} }}

func newWrite() *write {
	w := writePool.Get().(*write)
	*w = write{hdr: w.hdr[:0], sums: w.sums[:0], done: w.done}
	return w
}

// size returns the bytes of the record.
func (w *write) size() int64 { return int64(len(w.hdr) + w.dataLen + len(w.sums)) }

// setBody takes the data and its sums.
func (w *write) setBody(body [][]byte) {
	w.body, w.dataLen = body, bodyLen(body)
	w.sums, w.crc = appendBlockCRCs(w.sums, body)
	w.sums = append(w.sums, 0, 0, 0, 0)
}

func bodyLen(body [][]byte) (n int) {
	for _, p := range body {
		n += len(p)
	}
	return n
}

// seal fixes the record's place and computes what depends on it.
func (w *write) seal(s salt, at place) {
	w.at = at
	w.hdr = s.appendHeader(w.hdr[:0], at, &w.shard, w.dataLen)
	n := len(w.sums) - 4
	binary.BigEndian.PutUint32(w.sums[n:], s.recordCRC(at, w.hdr, w.sums[:n]))
}

func (w *write) row() shardRow {
	return shardRow{place: w.at, dataLen: uint32(w.dataLen), hdr: uint16(len(w.hdr)), crc: w.crc}
}

func (w *write) finish(err error) {
	w.err = err
	w.done <- struct{}{}
}

// Write stores a shard. On nil it is on stable storage and in the index. body
// must hash to the crc32c crc, and must not change until Write returns; gen is
// the generation of the placement group that the sender goes by.
//
// The same shard with equal content is acknowledged again. Errors:
// [store.KindStaleMap] (gen is below the group's fence), [store.KindConflict]
// with reason "content" (the shard exists with other bytes) or "deleted",
// [store.KindNoSpace], [store.KindInvalid], and [store.KindUnavailable] once the
// disk has failed: then the outcome is unknown.
func (d *Disk) Write(ctx context.Context, sh Shard, gen uint32, body [][]byte, crc uint32) error {
	if err := d.begin(); err != nil {
		return err
	}
	defer d.end()
	const op = "write shard"
	if problem := sh.check(); problem != "" {
		return store.Errorf(store.KindInvalid, op, "%s", problem)
	}
	if n := bodyLen(body); n == 0 || n > MaxShard {
		return store.Errorf(store.KindInvalid, op, "%d bytes, want 1 to %d", n, MaxShard)
	}
	w := newWrite()
	w.shard, w.gen = sh, gen
	w.setBody(body)
	if w.crc != crc {
		err := store.Errorf(store.KindInvalid, op, "crc32c of the body is %08x, not %08x", w.crc, crc)
		err.Reason = "body-crc"
		return err
	}
	if err := d.submit(ctx, w); err != nil {
		return err
	}
	return recycle(w)
}

// recycle returns an answered request's error and reuses the request.
func recycle(w *write) error {
	err := w.err
	w.body, w.shard.Owner.Key, w.twin = nil, nil, nil
	writePool.Put(w)
	return err
}

// submit hands w to the writer and waits until it is answered. When ctx ends
// before the writer took it, w is withdrawn, has no effect, and the error is
// returned; afterwards the writer may be reading the body, so submit waits.
func (d *Disk) submit(ctx context.Context, w *write) error {
	if err := d.enqueue(ctx, w); err != nil {
		return err
	}
	select {
	case <-w.done:
	case <-ctx.Done():
		if w.state.CompareAndSwap(writeQueued, writeWithdrawn) {
			return canceled("write shard", ctx)
		}
		<-w.done
	}
	return nil
}

// enqueue hands w to the writer.
func (d *Disk) enqueue(ctx context.Context, w *write) error {
	// The header's length is needed to place the record; seal fills it.
	w.hdr = slices.Grow(w.hdr[:0], maxHeader)[:fixedHeader+len(w.shard.Owner.Key)+4]
	select {
	case d.queue <- w:
		return nil
	case <-ctx.Done():
		return canceled("write shard", ctx)
	}
}

func canceled(op string, ctx context.Context) error {
	return &store.Error{Op: op, Kind: store.KindOf(ctx.Err()), Err: ctx.Err()}
}

// barrier returns when every write that the writer took before is answered.
func (d *Disk) barrier(ctx context.Context) error {
	w := newWrite()
	w.barrier = true
	if err := d.submit(ctx, w); err != nil {
		return err
	}
	return recycle(w)
}

// CRC returns the checksum of a body as Write and Read understand it.
func CRC(body ...[]byte) (crc uint32) {
	for _, p := range body {
		crc = crc32.Update(crc, castagnoli, p)
	}
	return crc
}
