package machine

// sweeper drops dead versions of a branch.
type sweeper struct {
	*change
	versions versions
	points   points
	branch   Branch
	r        *branchRec
}

func (c *change) newSweeper(b Branch, r *branchRec) (*sweeper, error) {
	k := &sweeper{change: c, branch: b, r: r}
	var err error
	if k.versions, err = c.versions(); err != nil {
		return nil, err
	}
	if k.points, err = c.points(); err != nil {
		return nil, k.versions.close(err)
	}
	return k, nil
}

func (k *sweeper) close(err error) error { return k.points.close(k.versions.close(err)) }

// seen reports whether the first point that may see the version does, or
// without such a point, the head. If the first one sees a younger version, so
// do all later ones.
func (k *sweeper) seen(chunk uint32, seq Seq) bool {
	at, ok := k.points.from(k.branch, seq)
	if !ok {
		if !k.r.headLives() {
			return false
		}
		at = maxSeq
	}
	newest, ok := k.versions.newest(chunk, k.branch, at)
	return ok && newest == seq
}

// drop deletes the version if it is dead.
func (k *sweeper) drop(chunk uint32, seq Seq) (dead bool, err error) {
	if k.seen(chunk, seq) {
		return false, nil
	}
	old, err := k.chunkRow(chunk, k.branch, seq)
	if err != nil || old == nil {
		return false, err
	}
	elder, younger, err := k.versions.neighbours(chunk, k.branch, seq)
	if err != nil {
		return false, err
	}
	grown, err := k.tally.replace(elder, old, nil, younger)
	if err != nil {
		return false, err
	}
	k.r.stored += uint64(grown)
	k.dropChunk(chunk, k.branch, seq)
	return true, nil
}
