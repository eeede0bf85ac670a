package machine

import "cairn/store"

// flushing reads the branch and refuses a flush that may not be done now.
func (c *change) flushing(f *Flush) (*branchRec, error) {
	r, err := c.head(f.Branch)
	if err != nil {
		return nil, err
	}
	if r.state != VolumeFilling || r.epoch != f.Epoch {
		if r, err = c.owned(f.Branch, f.Epoch); err != nil {
			return nil, err
		}
	}
	switch {
	case f.From != r.flushed || f.Upto < f.From:
		return nil, refuse(store.KindPrecondition, ReasonGap, "read the volume again", "%v LSN %d to %d, flushed is %d", f.Branch, f.From, f.Upto, r.flushed)
	case len(r.pending) > 0 && f.Upto > r.pending[0].lsn:
		return nil, refuse(store.KindPrecondition, ReasonBarrier, "flush up to the pending snapshot first", "%v LSN %d", f.Branch, r.pending[0].lsn)
	}
	return r, nil
}

// declareAll announces the new blobs with their homes, and refuses runs that
// are out of order or outside the volume, and blobs that are not named or have
// a page that is named twice.
func (c *change) declareAll(f *Flush) error {
	for i := range f.Blobs {
		id := f.Blobs[i].Blob
		_, known, err := c.get(colLive, id[:])
		if err == nil && known {
			err = refuse(store.KindInvalid, ReasonBlob, "a flush brings new blobs", "blob %s", id)
		}
		if err == nil {
			err = c.tally.declare(f.Blobs[i].Ref)
		}
		if err != nil {
			return err
		}
	}
	vol, err := c.volume(f.Branch)
	if err != nil {
		return err
	}
	for i := range f.Chunks {
		x := &f.Chunks[i]
		bad := x.Chunk >= vol.Size*gibChunks || i > 0 && x.Chunk <= f.Chunks[i-1].Chunk
		at := 0
		for _, run := range x.Runs {
			bad = bad || run.Page < at
			at = run.Page + run.Pages
			if b := c.tally.declared[run.Blob.Blob]; b != nil {
				b.homes.homes = append(b.homes.homes, home{x.Chunk, uint8(run.Page), uint8(run.Pages - 1), uint16(run.Off)})
			}
		}
		if bad {
			return refuse(store.KindInvalid, ReasonRuns, "", "%v chunk %d", f.Branch, x.Chunk)
		}
	}
	return c.checkHomes(f.Blobs)
}

// checkHomes refuses new blobs with no home, or a page with two.
func (c *change) checkHomes(blobs []store.Placed) error {
	for i := range blobs {
		b := c.tally.declared[blobs[i].Blob]
		var used [BlobPages]bool
		bad := len(b.homes.homes) == 0
		for _, h := range b.homes.homes {
			for p := range int(h.less) + 1 {
				bad = bad || used[int(h.off)+p]
				used[int(h.off)+p] = true
			}
		}
		if bad {
			return refuse(store.KindInvalid, ReasonBlob, "", "blob %s", b.ref.Blob)
		}
	}
	return nil
}
