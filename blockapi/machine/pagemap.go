package machine

import (
	"math"

	"cairn/store"
)

// Target is what is read: the present state of a volume, or a snapshot.
type Target struct {
	Branch   Branch
	Snapshot SnapshotID // if Branch is 0
}

func (t *Target) wire(c *coder) {
	num32(c, &t.Branch)
	num32(c, &t.Snapshot)
}

// layers returns where a read of the target looks, and its size in GiB. A
// volume in the recycle bin and a snapshot whose data is not there are refused.
func (v view) layers(t Target) (ls []layer, size uint32, err error) {
	if t.Branch == 0 {
		s, err := v.completed(t.Snapshot)
		if err != nil {
			return nil, 0, err
		}
		ls, err = v.lineage(s.Branch, s.Seq)
		return ls, s.Size, err
	}
	r, err := v.head(t.Branch)
	if err != nil {
		return nil, 0, err
	}
	if r.state == VolumeRecoverable {
		return nil, 0, refuse(store.KindConflict, ReasonState, "it is in the recycle bin", "%v", t.Branch)
	}
	vol, err := v.volume(t.Branch)
	if err != nil {
		return nil, 0, err
	}
	ls, err = v.lineage(t.Branch, maxSeq)
	return ls, vol.Size, err
}

// askMap reads where the pages of some chunks are.
type askMap struct {
	Target
	From   uint32
	Chunks uint32 // how many
}

func (x *askMap) wire(c *coder) {
	x.Target.wire(c)
	c.u32(&x.From)
	c.u32(&x.Chunks)
	c.require(x.Chunks <= MaxMapChunks && x.From <= math.MaxUint32-MaxMapChunks)
}

// PageMap is where the pages of the chunks that were asked for are. Chunks that are not
// named, and pages of chunks that are not, read as zeroes.
type PageMap struct {
	Size   uint32      // of the whole, GiB
	Chunks []ChunkRuns // ascending; no run is of zeroes
}

// wire codes the runs of a chunk as in its row, where the refs are kept once.
func (p *PageMap) wire(c *coder) {
	c.u32(&p.Size)
	list(c, &p.Chunks, MaxMapChunks, func(x *ChunkRuns) {
		c.u32(&x.Chunk)
		row := &content{}
		for _, r := range x.Runs {
			row.set(r.Page, r.Pages, r.Blob, uint16(r.Off))
		}
		row.wire(c)
		if !c.bad {
			x.Runs = row.runs()
		}
	})
}

func (x *askMap) read(v view) (out wirer, err error) {
	ls, size, err := v.layers(x.Target)
	if err != nil {
		return nil, err
	}
	vs, err := v.versions()
	if err != nil {
		return nil, err
	}
	defer func() { err = vs.close(err) }()
	end := x.From + x.Chunks
	p := &PageMap{Size: size}
	for at, budget := x.From, int(x.Chunks); at < end; {
		y, ok, _ := vs.next(ls, at, &budget)
		if !ok || y.chunk >= end {
			break
		}
		row, err := v.chunkRow(y.chunk, ls[y.layer].branch, y.seq)
		if err != nil {
			return nil, err
		}
		if row.mapped() > 0 {
			p.Chunks = append(p.Chunks, ChunkRuns{y.chunk, row.runs()})
		}
		at = y.chunk + 1
	}
	return p, nil
}

// askFragmented lists the chunks of a volume's own that have more than MaxRuns
// runs.
type askFragmented struct {
	Branch Branch
	From   uint32
}

func (x *askFragmented) wire(c *coder) {
	num32(c, &x.Branch)
	c.u32(&x.From)
}

// Chunks are numbers of chunks below Next.
type Chunks struct {
	Chunks []uint32
	Next   uint32
	More   bool // go on from Next
}

func (p *Chunks) wire(c *coder) {
	list(c, &p.Chunks, queryChunks, c.u32)
	c.u32(&p.Next)
	c.bool(&p.More)
}

func (x *askFragmented) read(v view) (out wirer, err error) {
	if _, err := v.head(x.Branch); err != nil {
		return nil, err
	}
	vs, err := v.versions()
	if err != nil {
		return nil, err
	}
	defer func() { err = vs.close(err) }()
	p := &Chunks{Next: x.From}
	own := []layer{{x.Branch, maxSeq}}
	for budget := queryChunks; ; {
		y, ok, more := vs.next(own, p.Next, &budget)
		if !ok {
			p.Next, p.More = more, more != 0
			return p, nil
		}
		row, err := v.chunkRow(y.chunk, x.Branch, y.seq)
		if err != nil {
			return nil, err
		}
		if row.countRuns() > MaxRuns {
			p.Chunks = append(p.Chunks, y.chunk)
		}
		p.Next = y.chunk + 1
	}
}
