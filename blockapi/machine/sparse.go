package machine

import (
	"bytes"

	"cairn/store"
)

// askSparse lists blobs of which rows name less than a share of the pages.
type askSparse struct {
	After   store.BlobID
	Percent uint8 // below which a blob is listed
	Max     uint32
}

func (x *askSparse) wire(c *coder) {
	c.blob(&x.After)
	c.u8(&x.Percent)
	c.u32(&x.Max)
	c.require(x.Percent <= 100 && x.Max <= MaxPage)
}

// SparseBlob is a blob with the pages that rows still name. To free it, copy
// them to a new blob and call Compact.
type SparseBlob struct {
	Ref   store.Ref
	Pages []Move // without ToOff
}

// Sparse is a page of blobs. It may be empty and yet not be the last.
type Sparse struct {
	Blobs []SparseBlob
	Next  store.BlobID // behind which the next page begins
	More  bool
}

func (p *Sparse) wire(c *coder) {
	list(c, &p.Blobs, MaxPage, func(b *SparseBlob) {
		refs := []store.Ref{b.Ref}
		c.refs(&refs, 1)
		c.require(len(refs) == 1)
		if c.reading && !c.bad {
			b.Ref = refs[0]
		}
		list(c, &b.Pages, BlobPages, func(m *Move) {
			page, less, off := uint8(m.Page), uint8(m.Pages-1), uint16(m.FromOff)
			c.u32(&m.Chunk)
			c.u8(&page)
			c.u8(&less)
			num16(c, &off)
			*m = Move{Chunk: m.Chunk, Page: int(page), Pages: int(less) + 1, From: b.Ref.Blob, FromOff: int(off)}
		})
	})
	c.blob(&p.Next)
	c.bool(&p.More)
}

func (x *askSparse) read(v view) (wirer, error) {
	p := &Sparse{Next: x.After}
	looked := 0
	err := v.walk(colLive, nil, append(bytes.Clone(x.After[:]), 0), func(suffix, value []byte) (bool, error) {
		if looked++; looked > queryChunks || len(p.Blobs) >= int(x.Max) {
			p.More = true
			return true, nil
		}
		l := &liveRec{}
		if err := decode(value, l, store.KindCorrupt, "live row"); err != nil {
			return false, err
		}
		id := store.BlobID(suffix)
		p.Next = id
		if 100*l.live() >= int(x.Percent)*len(l.counts) {
			return false, nil
		}
		h, err := load[homeRec](v, colHome, suffix, "home row")
		if err != nil || h == nil {
			return false, err
		}
		b := SparseBlob{Ref: store.Ref{Blob: id, Len: l.len, CRC: l.crc}, Pages: h.named(id, l)}
		p.Blobs = append(p.Blobs, b)
		return false, nil
	})
	return p, err
}

// named returns those pages of a blob that rows name.
func (h *homeRec) named(id store.BlobID, l *liveRec) (out []Move) {
	for _, x := range h.homes {
		for i := 0; i <= int(x.less); i++ {
			n := 0
			for i+n <= int(x.less) && int(x.off)+i+n < len(l.counts) && l.counts[int(x.off)+i+n] > 0 {
				n++
			}
			if n > 0 {
				out = append(out, Move{Chunk: x.chunk, Page: int(x.page) + i, Pages: n, From: id, FromOff: int(x.off) + i})
				i += n
			}
		}
	}
	return out
}
