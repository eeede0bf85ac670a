package machine

// Flatten copies rows from a clone's parent, a bounded number at a time, until
// the clone does not need the parent any more: reads then have fewer places to
// look at, and the parent's point is unpinned. Pages are not copied.
type Flatten struct{ Branch Branch }

func (x *Flatten) wire(c *coder) { num32(c, &x.Branch) }

// apply gives the copies seq 0, so that they lie under all versions of the
// clone's own and show where those do not.
func (x *Flatten) apply(c *change) (wirer, error) {
	r, err := c.branch(x.Branch)
	if err != nil || r.parent == 0 {
		return &Progress{}, err
	}
	k, err := c.newSweeper(x.Branch, r)
	if err != nil {
		return nil, err
	}
	reply, err := k.flatten()
	if err := k.close(err); err != nil {
		return nil, err
	}
	if reply.More {
		c.putBranch(x.Branch, r)
		return reply, nil
	}
	parent, seq := r.parent, r.parentSeq
	r.parent, r.parentSeq, r.flatten = 0, 0, 0
	c.putBranch(x.Branch, r)
	return reply, c.unpin(parent, seq)
}

// flatten copies what the parent shows from the branch's flatten mark on, and
// moves the mark.
func (k *sweeper) flatten() (*Progress, error) {
	under, err := k.lineage(k.r.parent, k.r.parentSeq)
	if err != nil {
		return nil, err
	}
	reply := &Progress{}
	for budget := stepRows; budget > 0 && len(k.tally.order) < stepBlobs; {
		x, ok, more := k.versions.next(under, k.r.flatten, &budget)
		if !ok && more == 0 {
			return reply, nil
		}
		if !ok {
			k.r.flatten = more
			break
		}
		from, err := k.chunkRow(x.chunk, under[x.layer].branch, x.seq)
		if err != nil {
			return nil, err
		}
		if from.mapped() > 0 && k.falls(x.chunk) {
			reply.Rows++
			if err := k.copyUnder(x.chunk, from); err != nil {
				return nil, err
			}
		}
		k.r.flatten = x.chunk + 1
	}
	reply.More = true
	return reply, nil
}

// falls reports whether a read of the branch falls through to its parent: it
// does at the first point, or without one at the head, if it does anywhere.
func (k *sweeper) falls(chunk uint32) bool {
	at, ok := k.points.from(k.branch, 0)
	if !ok {
		if !k.r.headLives() {
			return false
		}
		at = maxSeq
	}
	_, own := k.versions.newest(chunk, k.branch, at)
	return !own
}

// copyUnder makes from the branch's oldest version of the chunk.
func (k *sweeper) copyUnder(chunk uint32, from *content) error {
	var younger *content
	if at, ok := k.versions.younger(chunk, k.branch, 0); ok {
		var err error
		if younger, err = k.chunkRow(chunk, k.branch, at); err != nil {
			return err
		}
	}
	grown, err := k.tally.replace(nil, nil, from, younger)
	if err != nil {
		return err
	}
	k.r.stored += uint64(grown)
	k.putChunk(chunk, k.branch, 0, from)
	return nil
}
