package nbd

import "cairn/store"

// Holes collects the parts of a read's buffer that read as zeros and were not
// filled. Its zero value is ready; it belongs to one call of [Export.Read].
type Holes struct {
	runs []hole
}

// hole is p[from:to].
type hole struct{ from, to int }

// Add says that the n bytes of the buffer from index from on read as zeros.
// Calls must come in ascending order and not overlap. n ≤ 0 adds nothing.
func (h *Holes) Add(from, n int) {
	if n <= 0 {
		return
	}
	if last := len(h.runs) - 1; last >= 0 && h.runs[last].to == from {
		h.runs[last].to += n
		return
	}
	h.runs = append(h.runs, hole{from, from + n})
}

// reset forgets the holes and keeps the memory.
func (h *Holes) reset() { h.runs = h.runs[:0] }

// check reports holes that do not lie in order within a buffer of n bytes: a
// fault of the export, which must not make the reply go wrong.
func (h *Holes) check(n int) error {
	end := 0
	for _, r := range h.runs {
		if r.from < end || r.to > n {
			return store.Errorf(store.KindInternal, "read", "hole %d–%d out of place in a buffer of %d", r.from, r.to, n)
		}
		end = r.to
	}
	return nil
}

// Fill writes zeros to p, the buffer of the read, where the holes are. It fails if
// they are not holes of p.
func (h *Holes) Fill(p []byte) error {
	if err := h.check(len(p)); err != nil {
		return err
	}
	h.fill(p, len(p)+1)
	return nil
}

// fill writes zeros where the holes shorter than least are and forgets those.
// Chunks of less than a few KiB cost a client more than the zeros do.
func (h *Holes) fill(p []byte, least int) {
	kept := h.runs[:0]
	for _, r := range h.runs {
		if r.to-r.from < least {
			clear(p[r.from:r.to])
		} else {
			kept = append(kept, r)
		}
	}
	h.runs = kept
}
