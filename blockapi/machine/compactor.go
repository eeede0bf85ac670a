package machine

import "cairn/store"

// compactor changes versions of chunks.
type compactor struct {
	*change
	versions versions
	to       store.Ref
	branches map[Branch]*branchRec
	order    []Branch
	looked   int
	reply    *Compacted
}

// run goes over the versions of each chunk that has moves.
func (k *compactor) run(x *Compact) error {
	for i := 0; i < len(x.Moves); {
		chunk, n := x.Moves[i].Chunk, 1
		for i+n < len(x.Moves) && x.Moves[i+n].Chunk == chunk {
			n++
		}
		if chunk >= x.At.Chunk {
			from := be32(chunk)
			if chunk == x.At.Chunk {
				from = chunkSuffix(chunk, x.At.Branch, x.At.Seq)
			}
			if err := k.chunk(chunk, from, x.Moves[i:i+n]); err != nil || k.reply.More {
				return err
			}
		}
		i += n
	}
	return nil
}

func (k *compactor) chunk(chunk uint32, from []byte, moves []Move) error {
	return k.walk(colChunk, be32(chunk), from, func(suffix, _ []byte) (bool, error) {
		at := Place{chunk, Branch(suffix32(suffix, 1)), Seq(^suffix32(suffix, 2))}
		if k.looked++; k.looked > stepRows || len(k.tally.order) > stepBlobs {
			k.reply.More, k.reply.Next = true, at
			return true, nil
		}
		return false, k.version(at, moves)
	})
}

// version makes one version name the copies.
func (k *compactor) version(at Place, moves []Move) error {
	old, err := k.chunkRow(at.Chunk, at.Branch, at.Seq)
	if err != nil {
		return err
	}
	next := old.clone()
	changed := false
	for _, m := range moves {
		for i := range m.Pages {
			if n, ok := old.name(m.Page + i); ok && n == (name{m.From, uint16(m.FromOff + i)}) {
				next.set(m.Page+i, 1, k.to, uint16(m.ToOff+i))
				changed = true
			}
		}
	}
	if !changed {
		return nil
	}
	elder, younger, err := k.versions.neighbours(at.Chunk, at.Branch, at.Seq)
	if err != nil {
		return err
	}
	grown, err := k.tally.replace(elder, old, next, younger)
	if err != nil {
		return err
	}
	r, err := k.branchFor(at.Branch)
	if err != nil {
		return err
	}
	r.stored += uint64(grown)
	k.reply.Rows++
	k.put(colChunk, chunkSuffix(at.Chunk, at.Branch, at.Seq), next)
	return nil
}

// branchFor returns a branch's record for changing.
func (k *compactor) branchFor(b Branch) (*branchRec, error) {
	if r := k.branches[b]; r != nil {
		return r, nil
	}
	r, err := k.branch(b)
	if err != nil {
		return nil, err
	}
	k.branches[b] = r
	k.order = append(k.order, b)
	return r, nil
}
