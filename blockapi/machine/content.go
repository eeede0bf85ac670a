package machine

import (
	"cairn/store"
)

// slot is where a page's bytes are: the number of the blob among the content's
// refs plus one, and the page within it. Zero is a page of zeroes.
type slot struct{ blob, off uint16 }

// content is all pages of a chunk at one time. A chunk row is complete: a page
// that it does not name reads as zeroes, whatever older rows or a parent's say.
type content struct {
	refs  []store.Ref
	pages [ChunkPages]slot
}

// name is a page of a blob. It is written for one page of one chunk and never
// named by another.
type name struct {
	blob store.BlobID
	off  uint16
}

// name returns what page p names; ok is false for zeroes and for no content.
func (c *content) name(p int) (n name, ok bool) {
	if c == nil || c.pages[p].blob == 0 {
		return name{}, false
	}
	s := c.pages[p]
	return name{c.refs[s.blob-1].Blob, s.off}, true
}

func (c *content) ref(s slot) store.Ref { return c.refs[s.blob-1] }

// mapped counts the pages that are not zeroes.
func (c *content) mapped() (n int) {
	if c == nil {
		return 0
	}
	for _, s := range c.pages {
		if s.blob != 0 {
			n++
		}
	}
	return n
}

// clone returns a copy that can be changed.
func (c *content) clone() *content {
	n := &content{}
	if c != nil {
		n.pages = c.pages
		n.refs = append(n.refs, c.refs...)
	}
	return n
}

// add returns the slot number of a ref, which it adds if it is not there.
func (c *content) add(r store.Ref) uint16 {
	for i := range c.refs {
		if c.refs[i].Blob == r.Blob {
			return uint16(i + 1)
		}
	}
	c.refs = append(c.refs, r)
	return uint16(len(c.refs))
}

// set makes n pages from p on those of the blob from off on.
func (c *content) set(p, n int, r store.Ref, off uint16) {
	at := c.add(r)
	for i := range n {
		c.pages[p+i] = slot{at, off + uint16(i)}
	}
}

// zero makes n pages from p on zeroes.
func (c *content) zero(p, n int) { clear(c.pages[p : p+n]) }

// run returns the first run of pages at or behind p that lie one behind the
// other in one blob; n is 0 if there is none.
func (c *content) run(p int) (page, n int) {
	for p < ChunkPages && c.pages[p].blob == 0 {
		p++
	}
	for p+n < ChunkPages && c.pages[p+n] == (slot{c.pages[p].blob, c.pages[p].off + uint16(n)}) {
		n++
	}
	return p, n
}

// countRuns returns how many runs the content has.
func (c *content) countRuns() (count int) {
	for p, n := c.run(0); n > 0; p, n = c.run(p + n) {
		count++
	}
	return count
}

// runs returns the pages that are not zeroes as runs, in order.
func (c *content) runs() []Run {
	out := make([]Run, 0, c.countRuns())
	for p, n := c.run(0); n > 0; p, n = c.run(p + n) {
		out = append(out, Run{Page: p, Pages: n, Blob: c.ref(c.pages[p]), Off: int(c.pages[p].off)})
	}
	return out
}

// Run is a run of pages of a chunk, and where their bytes are: from page Off of
// the blob on. A run without a blob (a zero length) is of zeroes.
type Run struct {
	Page  int // within the chunk
	Pages int
	Blob  store.Ref
	Off   int // in pages
}

// Zero reports whether the run is of zeroes.
func (r *Run) Zero() bool { return r.Blob.Len == 0 }

// fits reports whether the run lies in a chunk and in its blob.
func (r *Run) fits() bool {
	if r.Page < 0 || r.Pages < 1 || r.Page+r.Pages > ChunkPages {
		return false
	}
	if r.Zero() {
		return r.Off == 0 && r.Blob == (store.Ref{})
	}
	return r.Blob.Len <= store.MaxBlob && r.Off >= 0 && r.Off+r.Pages <= int(r.Blob.Len)/PageSize
}
