package machine

// askUnique adds up the pages that only a target names among the versions of its
// branch: those that its deletion frees. A deleted parent whose last clone goes
// with the target is freed on top of that.
type askUnique struct {
	Target
	At Place // where to go on
}

func (x *askUnique) wire(c *coder) {
	x.Target.wire(c)
	x.At.wire(c)
}

// Unique is a part of the sum.
type Unique struct {
	Pages uint64
	Next  Place
	More  bool
}

func (u *Unique) wire(c *coder) {
	c.u64(&u.Pages)
	u.Next.wire(c)
	c.bool(&u.More)
}

func (x *askUnique) read(v view) (out wirer, err error) {
	u := &uniquePages{view: v, Unique: &Unique{}}
	if only, err := u.find(x.Target); err != nil || !only {
		return u.Unique, err
	}
	if u.versions, err = v.versions(); err != nil {
		return nil, err
	}
	defer func() { err = u.versions.close(err) }()
	from := stampSuffix(u.branch, u.from, 0)
	if x.At != (Place{}) {
		from = stampSuffix(u.branch, x.At.Seq, x.At.Chunk)
	}
	looked := 0
	err = v.walk(colStamp, be32(uint32(u.branch)), from, func(suffix, _ []byte) (bool, error) {
		seq, chunk := Seq(suffix32(suffix, 1)), suffix32(suffix, 2)
		if seq > u.seq {
			return true, nil
		}
		if looked++; looked > stepRows {
			u.More, u.Next = true, Place{chunk, u.branch, seq}
			return true, nil
		}
		return false, u.version(chunk, seq)
	})
	return u.Unique, err
}

// uniquePages is the walk over the versions that a point and no earlier one
// sees.
type uniquePages struct {
	view
	*Unique
	versions versions
	branch   Branch
	from     Seq // the first seq that no earlier point sees
	seq      Seq // the point, or maxSeq for the head
	later    Seq // the next point, or maxSeq for the head; 0: nothing sees later versions
}

// find locates the target among the points of its branch. It reports whether
// nothing else needs the same point.
func (u *uniquePages) find(t Target) (only bool, err error) {
	u.branch, u.seq, only = t.Branch, maxSeq, true
	if t.Branch == 0 {
		s, err := u.snapshot(t.Snapshot)
		if err != nil || s.State == SnapshotPending {
			return false, err
		}
		u.branch, u.seq = s.Branch, s.Seq
		p, err := load[pointRec](u.view, colPoint, pointSuffix(u.branch, u.seq), "point row")
		if err != nil || p == nil || p.pins > 1 {
			return false, err
		}
	}
	r, err := u.view.branch(u.branch)
	if err != nil || t.Branch != 0 && !r.headLives() {
		return false, err
	}
	ps, err := u.points()
	if err != nil {
		return false, err
	}
	if at, ok := ps.before(u.branch, u.seq); ok {
		u.from = at + 1
	}
	if u.seq != maxSeq {
		if at, ok := ps.from(u.branch, u.seq+1); ok {
			u.later = at
		} else if r.headLives() {
			u.later = maxSeq
		}
	}
	return only, ps.close(nil)
}

// version adds the pages of a version that goes with the point and that nothing
// else names.
func (u *uniquePages) version(chunk uint32, seq Seq) error {
	if at, ok := u.versions.newest(chunk, u.branch, u.seq); !ok || at != seq {
		return nil
	}
	if u.later != 0 {
		if at, _ := u.versions.newest(chunk, u.branch, u.later); at == seq {
			return nil
		}
	}
	row, err := u.chunkRow(chunk, u.branch, seq)
	if err != nil {
		return err
	}
	elder, younger, err := u.versions.neighbours(chunk, u.branch, seq)
	if err != nil {
		return err
	}
	var last *liveRec
	var blob [16]byte
	for p := range ChunkPages {
		n, ok := row.name(p)
		if !ok || same(row, elder, p) || same(row, younger, p) {
			continue
		}
		if last == nil || n.blob != blob {
			if last, err = load[liveRec](u.view, colLive, n.blob[:], "live row"); err != nil {
				return err
			}
			blob = n.blob
		}
		if last != nil && int(n.off) < len(last.counts) && last.counts[n.off] == 1 {
			u.Pages++
		}
	}
	return nil
}
