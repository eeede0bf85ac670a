package machine

// writer changes the newest versions of a branch's chunks.
type writer struct {
	*change
	versions versions
	points   points
	branch   Branch
	r        *branchRec
	under    []layer // what shows where the branch has no version
}

func (c *change) newWriter(b Branch, r *branchRec) (*writer, error) {
	w := &writer{change: c, branch: b, r: r}
	var err error
	if w.under, err = c.lineage(r.parent, r.parentSeq); err != nil {
		return nil, err
	}
	if w.versions, err = c.versions(); err != nil {
		return nil, err
	}
	if w.points, err = c.points(); err != nil {
		return nil, w.versions.close(err)
	}
	return w, nil
}

func (w *writer) close(err error) error { return w.points.close(w.versions.close(err)) }

// write lays runs over a chunk and returns how many runs it has then. A chunk
// is written once in a command.
//
// The version before stays if a point wants it. Else its place is taken: in
// the list of versions the new one follows the same elder.
func (w *writer) write(chunk uint32, runs []Run) (int, error) {
	at, own := w.versions.newest(chunk, w.branch, maxSeq)
	var old *content
	var err error
	if own {
		old, err = w.chunkRow(chunk, w.branch, at)
	} else {
		old, err = w.versions.resolve(w.under, chunk)
	}
	if err != nil {
		return 0, err
	}
	next := old.clone()
	for _, r := range runs {
		if r.Zero() {
			next.zero(r.Page, r.Pages)
		} else {
			next.set(r.Page, r.Pages, r.Blob, uint16(r.Off))
		}
	}
	w.r.mapped += uint64(next.mapped() - old.mapped())
	if err := w.putNewest(chunk, at, own, old, next); err != nil {
		return 0, err
	}
	return next.countRuns(), nil
}

// putNewest makes next the newest version of the chunk, behind or instead of
// that of seq at, if there is one of the branch's own.
func (w *writer) putNewest(chunk uint32, at Seq, own bool, old, next *content) error {
	var elder, gone *content
	switch {
	case own && at < w.r.seq && w.points.between(w.branch, at, w.r.seq):
		elder = old
	case own:
		gone = old
		if before, ok := w.versions.elder(chunk, w.branch, at); ok {
			var err error
			if elder, err = w.chunkRow(chunk, w.branch, before); err != nil {
				return err
			}
		}
		if at < w.r.seq {
			w.dropChunk(chunk, w.branch, at)
		}
	}
	if elder == nil && next.mapped() == 0 {
		if below, err := w.versions.resolve(w.under, chunk); err != nil || below == nil {
			return w.putNothing(chunk, at, own, gone, err)
		}
	}
	grown, err := w.tally.replace(elder, gone, next, nil)
	if err != nil {
		return err
	}
	w.r.stored += uint64(grown)
	w.putChunk(chunk, w.branch, w.r.seq, next)
	return nil
}

// putNothing leaves a chunk of zeroes without a version, as there is nothing
// that one would have to hide.
func (w *writer) putNothing(chunk uint32, at Seq, own bool, gone *content, err error) error {
	if err != nil || !own {
		return err
	}
	grown, err := w.tally.replace(nil, gone, nil, nil)
	if err != nil {
		return err
	}
	w.r.stored += uint64(grown)
	w.dropChunk(chunk, w.branch, at)
	return nil
}
