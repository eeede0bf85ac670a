package machine

import "cairn/store"

// liveRec counts, for each page of a blob, what names it.
//
// The versions of a chunk in one branch are a list, oldest first. A page of a
// blob is counted once for each stretch of neighbours in such a list that name
// it: a version that only copies what its elder says changes no count, which is
// what makes the first write after a snapshot cheap. A blob whose counts are
// all zero is named by no row.
//
// Format 1: u8 format | u32 len | u32 crc | runs until the last page, each
// uvarint pages | uvarint count.
type liveRec struct {
	len    uint32
	crc    uint32
	counts []uint32
}

func newLive(r store.Ref) *liveRec {
	return &liveRec{len: r.Len, crc: r.CRC, counts: make([]uint32, r.Len/PageSize)}
}

func (l *liveRec) wire(c *coder) {
	c.u32(&l.len)
	c.u32(&l.crc)
	if c.reading {
		c.require(l.len <= store.MaxBlob)
		if !c.bad {
			l.counts = make([]uint32, l.len/PageSize)
		}
	}
	for p := 0; p < len(l.counts) && !c.bad; {
		n := uint64(1)
		for !c.reading && p+int(n) < len(l.counts) && l.counts[p+int(n)] == l.counts[p] {
			n++
		}
		count := uint64(l.counts[p])
		c.uvarint(&n)
		c.uvarint(&count)
		c.require(n > 0 && n <= uint64(len(l.counts)-p) && count <= 1<<32-1)
		if c.bad {
			return
		}
		for range n {
			l.counts[p] = uint32(count)
			p++
		}
	}
}

// live counts the pages that something names.
func (l *liveRec) live() (n int) {
	for _, c := range l.counts {
		if c > 0 {
			n++
		}
	}
	return n
}

// homeRec is which pages a blob was written for. It never changes.
//
// Format 1: u8 format | uvarint homes, each u32 chunk | u8 page | u8 pages less
// one | u16 page of the blob.
type homeRec struct{ homes []home }

type home struct {
	chunk      uint32
	page, less uint8
	off        uint16
}

func (h *homeRec) wire(c *coder) {
	list(c, &h.homes, BlobPages, func(x *home) {
		c.u32(&x.chunk)
		c.u8(&x.page)
		c.u8(&x.less)
		num16(c, &x.off)
	})
}

// tally collects how a command changes the counts, and which blobs are new.
type tally struct {
	c     *change
	blobs map[store.BlobID]*counted
	order []store.BlobID // of blobs, by their first touch
	// declared are the blobs that the command brings.
	declared map[store.BlobID]*newBlob
}

// counted is a blob whose counts the command changes.
type counted struct {
	liveRec
	was   int // pages named before the command
	fresh *newBlob
}

// newBlob is a blob that a command brings, with the pages it was written for.
type newBlob struct {
	ref   store.Ref
	homes homeRec
}

func (t *tally) init(c *change) {
	t.c, t.blobs, t.declared = c, make(map[store.BlobID]*counted), make(map[store.BlobID]*newBlob)
}

// declare announces a blob that the command brings.
func (t *tally) declare(r store.Ref) error {
	if t.declared[r.Blob] != nil || r.Len < PageSize || r.Len > store.MaxBlob {
		return refuse(store.KindInvalid, ReasonBlob, "", "blob %s", r.Blob)
	}
	t.declared[r.Blob] = &newBlob{ref: r}
	return nil
}

// get returns the counts of a blob for changing.
func (t *tally) get(id store.BlobID) (*counted, error) {
	if b := t.blobs[id]; b != nil {
		return b, nil
	}
	b := &counted{}
	old, err := load[liveRec](t.c.view, colLive, id[:], "live row")
	switch {
	case err != nil:
		return nil, err
	case old != nil:
		b.liveRec, b.was = *old, old.live()
	case t.declared[id] != nil:
		b.fresh = t.declared[id]
		b.liveRec = *newLive(b.fresh.ref)
	default:
		return nil, &store.Error{Op: "count pages", Kind: store.KindCorrupt, Resource: "live row of blob " + id.String()}
	}
	t.blobs[id] = b
	t.order = append(t.order, id)
	return b, nil
}

func (t *tally) add(n name, delta int) error {
	b, err := t.get(n.blob)
	if err != nil {
		return err
	}
	if int(n.off) >= len(b.counts) || delta < 0 && b.counts[n.off] == 0 {
		return &store.Error{Op: "count pages", Kind: store.KindCorrupt, Resource: "counts of blob " + n.blob.String()}
	}
	b.counts[n.off] += uint32(delta)
	return nil
}

// commit stores the counts. What is new is referred to and what is not named
// any more is let go, each exactly once in a blob's life, because a blob has a
// live row for exactly as long as a row names it.
func (t *tally) commit() error {
	if len(t.order) == 0 {
		return nil
	}
	f, err := t.c.family()
	if err != nil {
		return err
	}
	for _, id := range t.order {
		b := t.blobs[id]
		live := b.live()
		f.live += uint64(live - b.was)
		switch {
		case live > 0:
			if b.fresh != nil {
				if err := t.c.tx.Ref(id); err != nil {
					return err
				}
				f.blobs++
				f.bytes += uint64(b.len)
				t.c.put(colHome, id[:], &b.fresh.homes)
			}
			t.c.put(colLive, id[:], &b.liveRec)
		case b.fresh == nil:
			f.blobs--
			f.bytes -= uint64(b.len)
			t.c.tx.Unref(store.Ref{Blob: id, Len: b.len, CRC: b.crc})
			t.c.delete(colLive, id[:])
			t.c.delete(colHome, id[:])
		}
	}
	return nil
}
