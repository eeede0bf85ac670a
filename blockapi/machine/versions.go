package machine

import "bytes"

// chunkRow reads one version of a chunk; it returns nil if there is none.
func (v view) chunkRow(chunk uint32, b Branch, seq Seq) (*content, error) {
	return load[content](v, colChunk, chunkSuffix(chunk, b, seq), "chunk row")
}

// versions finds the versions of chunks in a branch. Close it.
type versions struct {
	view
	rows cursor
	gone map[string]bool // rows that the command has deleted, by suffix
}

func (v view) versions() (versions, error) {
	rows, err := v.rows(colChunk)
	return versions{view: v, rows: rows}, err
}

func (c *change) versions() (versions, error) {
	v, err := c.view.versions()
	v.gone = c.gone
	return v, err
}

func (v versions) close(err error) error { return v.rows.close(err) }

// newest returns the seq of the newest version of a chunk in a branch that is
// not newer than seq.
func (v versions) newest(chunk uint32, b Branch, seq Seq) (Seq, bool) {
	prefix := be32(chunk, uint32(b))
	ok := v.rows.under(chunkSuffix(chunk, b, seq), prefix)
	for ok && v.gone[string(v.rows.suffix())] {
		ok = v.rows.next() && bytes.HasPrefix(v.rows.suffix(), prefix)
	}
	if !ok {
		return 0, false
	}
	return Seq(^suffix32(v.rows.suffix(), 2)), true
}

// elder returns the version before seq.
func (v versions) elder(chunk uint32, b Branch, seq Seq) (Seq, bool) {
	if seq == 0 {
		return 0, false
	}
	return v.newest(chunk, b, seq-1)
}

// younger returns the version behind seq. There are no steps back in the order
// of the rows, so it is searched for: about as many seeks as its distance has
// bits.
func (v versions) younger(chunk uint32, b Branch, seq Seq) (Seq, bool) {
	found, ok := v.newest(chunk, b, maxSeq)
	if !ok || found <= seq {
		return 0, false
	}
	for lo := seq; lo+1 < found; {
		mid := lo + (found-lo)/2
		if at, ok := v.newest(chunk, b, mid); ok && at > seq {
			found = at
		} else {
			lo = mid
		}
	}
	return found, true
}

// neighbours returns the versions on both sides of seq, nil where there is none.
func (v versions) neighbours(chunk uint32, b Branch, seq Seq) (elder, younger *content, err error) {
	if at, ok := v.elder(chunk, b, seq); ok {
		if elder, err = v.chunkRow(chunk, b, at); err != nil {
			return nil, nil, err
		}
	}
	if at, ok := v.younger(chunk, b, seq); ok {
		younger, err = v.chunkRow(chunk, b, at)
	}
	return elder, younger, err
}

// replace counts the step from old to new between the same neighbours; any of
// the four may be nil. It returns by how many pages the branch's stretches grew.
func (t *tally) replace(elder, old, new, younger *content) (grown int, err error) {
	for p := range ChunkPages {
		if (old == nil) == (new == nil) && same(old, new, p) {
			continue
		}
		less, err := t.stretches(elder, old, younger, p, -1)
		if err != nil {
			return 0, err
		}
		more, err := t.stretches(elder, new, younger, p, +1)
		if err != nil {
			return 0, err
		}
		grown += less + more
	}
	return grown, nil
}

// stretches counts those that begin at page p of mid or of the version behind it.
func (t *tally) stretches(elder, mid, younger *content, p, sign int) (int, error) {
	if mid == nil {
		return t.begin(elder, younger, p, sign)
	}
	n, err := t.begin(elder, mid, p, sign)
	if err != nil {
		return 0, err
	}
	m, err := t.begin(mid, younger, p, sign)
	return n + m, err
}

// same reports whether both say the same of page p.
func same(a, b *content, p int) bool {
	x, inA := a.name(p)
	y, inB := b.name(p)
	return inA == inB && x == y
}

// begin counts the stretch that begins where c follows elder, if one does.
func (t *tally) begin(elder, c *content, p, sign int) (int, error) {
	n, ok := c.name(p)
	if !ok {
		return 0, nil
	}
	if e, ok := elder.name(p); ok && e == n {
		return 0, nil
	}
	return sign, t.add(n, sign)
}

// putChunk writes a version of a chunk and its stamp.
func (c *change) putChunk(chunk uint32, b Branch, seq Seq, x *content) {
	c.put(colChunk, chunkSuffix(chunk, b, seq), x)
	c.tx.Put(colStamp, Key, stampSuffix(b, seq, chunk), []byte{formatV1})
}

// dropChunk deletes a version of a chunk and its stamp.
func (c *change) dropChunk(chunk uint32, b Branch, seq Seq) {
	c.delete(colChunk, chunkSuffix(chunk, b, seq))
	c.delete(colStamp, stampSuffix(b, seq, chunk))
	c.gone[string(chunkSuffix(chunk, b, seq))] = true
}
