package machine

import (
	"math"

	"cairn/store"
)

// Flush moves journal entries into the rows: the pages of entries (From, Upto]
// are in new blobs, and the chunks' rows shall name them.
type Flush struct {
	Branch Branch
	Epoch  uint64
	// From must be the volume's flushed LSN, which becomes Upto. Upto must not be
	// beyond the first pending snapshot's LSN; when it reaches it, the snapshot
	// is completed by this command.
	From, Upto LSN
	// Partial leaves the flushed LSN where it is: what is done is part of what
	// the entries say, and a further Flush brings the rest. An entry that trims
	// more than a command can is flushed so.
	Partial bool
	Chunks  []ChunkRuns // ascending
	// Blobs are the receipts of the blobs that the runs name. Each must be named,
	// and no page of one twice.
	Blobs []store.Placed
}

// ChunkRuns are the pages of a chunk that change.
type ChunkRuns struct {
	Chunk uint32
	Runs  []Run // ascending, not overlapping
}

// Flushed is what a Flush says.
type Flushed struct {
	LSN        LSN
	Seq        Seq      // what the next flush writes
	Mapped     int64    // pages of the volume that are not zeroes
	Fragmented []uint32 // of the chunks it changed, those beyond MaxRuns; see Compact
}

func (f *Flush) wire(c *coder) {
	num32(c, &f.Branch)
	c.u64(&f.Epoch)
	c.lsn(&f.From)
	c.lsn(&f.Upto)
	c.bool(&f.Partial)
	refs := placedRefs(f.Blobs)
	c.refs(&refs, MaxFlushBlobs)
	list(c, &f.Chunks, MaxFlushChunks, func(x *ChunkRuns) {
		c.u32(&x.Chunk)
		list(c, &x.Runs, ChunkPages, func(r *Run) { r.wire(c, refs) })
	})
	if c.reading {
		f.Blobs = make([]store.Placed, len(refs))
		for i, r := range refs {
			f.Blobs[i].Ref = r
		}
	}
}

func placedRefs(ps []store.Placed) (refs []store.Ref) {
	for _, p := range ps {
		refs = append(refs, p.Ref)
	}
	return refs
}

// wire codes a run whose blob is one of refs: u8 page | u8 pages less one | u8
// blob, 255 for zeroes | u16 page of the blob. A run of another blob is written
// so that it is refused.
func (r *Run) wire(c *coder, refs []store.Ref) {
	const zero = math.MaxUint8
	page, less, blob, off := uint8(r.Page), uint8(r.Pages-1), uint8(zero), uint16(r.Off)
	if !c.reading && !r.Zero() {
		blob = zero - 1
		for i := range refs {
			if refs[i] == r.Blob {
				blob = uint8(i)
			}
		}
	}
	c.u8(&page)
	c.u8(&less)
	c.u8(&blob)
	num16(c, &off)
	if !c.reading {
		return
	}
	*r = Run{Page: int(page), Pages: int(less) + 1, Off: int(off)}
	if blob != zero {
		c.require(int(blob) < len(refs))
		if !c.bad {
			r.Blob = refs[blob]
		}
	}
	c.require(r.fits())
}

func (f *Flushed) wire(c *coder) {
	c.lsn(&f.LSN)
	num32(c, &f.Seq)
	mapped := uint64(f.Mapped)
	c.u64(&mapped)
	f.Mapped = int64(mapped)
	list(c, &f.Fragmented, MaxFlushChunks, c.u32)
}

// apply changes each chunk's newest version, or puts a new one before it if
// the newest is older than the present seq. LSNs are checked first: a flush
// that does not follow the last one, or of an owner that was replaced, has no
// effect (invariant 14).
func (f *Flush) apply(c *change) (wirer, error) {
	r, err := c.flushing(f)
	if err != nil {
		return nil, err
	}
	if err := c.declareAll(f); err != nil {
		return nil, err
	}
	w, err := c.newWriter(f.Branch, r)
	if err != nil {
		return nil, err
	}
	reply := &Flushed{}
	for i := range f.Chunks {
		runs, err := w.write(f.Chunks[i].Chunk, f.Chunks[i].Runs)
		if err != nil {
			return nil, w.close(err)
		}
		if runs > MaxRuns {
			reply.Fragmented = append(reply.Fragmented, f.Chunks[i].Chunk)
		}
	}
	if err := w.close(nil); err != nil {
		return nil, err
	}
	if !f.Partial {
		r.flushed = f.Upto
		if err := c.completeFlushed(f.Branch, r); err != nil {
			return nil, err
		}
	}
	c.putBranch(f.Branch, r)
	reply.LSN, reply.Seq, reply.Mapped = r.flushed, r.seq, int64(r.mapped)
	return reply, nil
}
