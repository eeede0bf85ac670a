package machine

import "cairn/store"

// layer is a branch as of a seq.
type layer struct {
	branch Branch
	seq    Seq
}

// lineage returns where a read of a branch at seq looks, in this order: the
// branch, its parent as of the clone, and so on. The number of layers is
// bounded by [MaxDepth].
func (v view) lineage(b Branch, seq Seq) ([]layer, error) {
	var ls []layer
	for b != 0 {
		if len(ls) > MaxDepth {
			return nil, &store.Error{Op: "find parents", Kind: store.KindCorrupt, Resource: "branch row of " + b.String()}
		}
		r, err := v.branch(b)
		if err != nil {
			return nil, err
		}
		ls = append(ls, layer{b, seq})
		b, seq = r.parent, r.parentSeq
	}
	return ls, nil
}

// resolve returns the content of a chunk as the layers show it, nil if none of
// them has a version. A version hides all that lies under it.
func (v versions) resolve(ls []layer, chunk uint32) (*content, error) {
	for _, l := range ls {
		if at, ok := v.newest(chunk, l.branch, l.seq); ok {
			return v.chunkRow(chunk, l.branch, at)
		}
	}
	return nil, nil
}

// visible is a version that a read of some layers sees.
type visible struct {
	chunk uint32
	layer int // which of the layers has it
	seq   Seq
}

// next returns the first chunk at or behind from of which a read of the layers
// sees a version. budget is how many chunks it may look at; it is lowered by
// those looked at, and when it is used up, more is the chunk to go on from.
func (v versions) next(ls []layer, from uint32, budget *int) (x visible, ok bool, more uint32) {
	for ; *budget > 0; *budget-- {
		skip, last := uint32(0), true
		for i, l := range ls {
			if at, ok := v.newest(from, l.branch, l.seq); ok {
				*budget--
				return visible{from, i, at}, true, 0
			}
			if to, any := v.after(from, l); any && (last || to < skip) {
				skip, last = to, false
			}
		}
		if last {
			return visible{}, false, 0
		}
		from = skip
	}
	return visible{}, false, from
}

// after returns the first chunk behind from that may have a version of the
// layer, which has none of from itself.
func (v versions) after(from uint32, l layer) (uint32, bool) {
	if !v.rows.seek(chunkSuffix(from, l.branch, l.seq)) {
		return 0, false
	}
	return max(suffix32(v.rows.suffix(), 0), from+1), true
}
