package machine

import (
	"encoding/binary"
	"slices"

	"cairn/store"
)

// wire codes the content as a chunk row. Most of the work of a flush is here, so
// it does without the coder's lists.
//
// Format 1: u8 format | uvarint runs, each u8 page | u8 pages less one | uvarint
// blob | u16 page of the blob | refs of the blobs, in order of their first run.
func (c *content) wire(w *coder) {
	if w.reading {
		c.read(w)
		return
	}
	// By slot number, the place in the row plus one. A row's refs are laid over by
	// those of one flush.
	var number [ChunkPages + MaxFlushBlobs + 1]uint16
	refs := make([]store.Ref, 0, len(c.refs))
	count := c.countRuns()
	w.b = slices.Grow(w.b, 6*count+16*len(c.refs))
	w.b = binary.AppendUvarint(w.b, uint64(count))
	for p, n := c.run(0); n > 0; p, n = c.run(p + n) {
		s := c.pages[p]
		if number[s.blob] == 0 {
			refs = append(refs, c.ref(s))
			number[s.blob] = uint16(len(refs))
		}
		w.b = append(w.b, byte(p), byte(n-1))
		w.b = binary.AppendUvarint(w.b, uint64(number[s.blob]-1))
		w.b = binary.BigEndian.AppendUint16(w.b, s.off)
	}
	w.refs(&refs, ChunkPages)
}

// read reads a chunk row: runs ascend, and lie within the chunk and their blobs.
func (c *content) read(w *coder) {
	var count, blob uint64
	var page, less uint8
	var off uint16
	w.uvarint(&count)
	w.require(count <= ChunkPages)
	for at := 0; count > 0 && !w.bad; count-- {
		w.u8(&page)
		w.u8(&less)
		w.uvarint(&blob)
		num16(w, &off)
		p, end := int(page), int(page)+int(less)+1
		w.require(p >= at && end <= ChunkPages && blob < ChunkPages && int(off)+int(less) < BlobPages)
		if w.bad {
			return
		}
		for ; p < end; p++ {
			c.pages[p] = slot{uint16(blob + 1), off}
			off++
		}
		at = end
	}
	w.refs(&c.refs, ChunkPages)
	for p, n := c.run(0); n > 0 && !w.bad; p, n = c.run(p + n) {
		s := c.pages[p]
		w.require(int(s.blob) <= len(c.refs) && int(s.off)+n <= int(c.refs[s.blob-1].Len)/PageSize)
	}
}
