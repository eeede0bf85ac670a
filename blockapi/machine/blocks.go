package machine

import (
	"cairn/store"
)

// Block is a block of the EBS direct APIs, of BlockSize bytes, and in which of
// two states it has pages that are not zeroes.
type Block struct {
	Index         uint32
	First, Second bool
}

// Blocks is a page of blocks. It may be empty and yet not be the last.
type Blocks struct {
	Size   uint32 // GiB, of what is read; of the second, for changes
	Blocks []Block
	Next   uint32 // the index to go on from
	More   bool
}

func (p *Blocks) wire(c *coder) {
	c.u32(&p.Size)
	list(c, &p.Blocks, MaxBlocks+chunkBlocks, func(b *Block) {
		c.u32(&b.Index)
		c.bool(&b.First)
		c.bool(&b.Second)
	})
	c.u32(&p.Next)
	c.bool(&p.More)
}

// askBlocks lists the blocks of a target that have pages which are not zeroes
// or, with a first target, that differ between the two.
type askBlocks struct {
	First  Target // zero: none
	Second Target
	From   uint32 // index
	Max    uint32
}

func (x *askBlocks) wire(c *coder) {
	x.First.wire(c)
	x.Second.wire(c)
	c.u32(&x.From)
	c.u32(&x.Max)
	c.require(x.Max >= 1 && x.Max <= MaxBlocks)
}

func (x *askBlocks) read(v view) (out wirer, err error) {
	b := &blockLister{Blocks: &Blocks{}, from: x.From, most: int(x.Max), changes: x.First != Target{}}
	if b.second, b.Size, err = v.layers(x.Second); err != nil {
		return nil, err
	}
	if b.changes {
		if b.first, _, err = v.layers(x.First); err != nil {
			return nil, err
		}
		if !related(b.first, b.second) {
			return nil, refuse(store.KindInvalid, ReasonUnrelated, "", "%v and %v", x.First, x.Second)
		}
	}
	if b.versions, err = v.versions(); err != nil {
		return nil, err
	}
	defer func() { err = b.close(err) }()
	return b.Blocks, b.run()
}

// related reports whether two lineages have a branch in common.
func related(a, b []layer) bool {
	for _, x := range a {
		for _, y := range b {
			if x.branch == y.branch {
				return true
			}
		}
	}
	return false
}

// blockLister collects a page of blocks.
type blockLister struct {
	versions
	*Blocks
	first, second []layer
	changes       bool
	from          uint32
	most          int
}

// run goes over the chunks of which either target sees a version. The page ends
// behind a whole chunk or at most blocks.
func (b *blockLister) run() error {
	chunk := b.from / chunkBlocks
	for budget := queryChunks; ; chunk++ {
		y, ok, more := b.next(b.second, chunk, &budget)
		if b.changes {
			z, inFirst, moreFirst := b.next(b.first, chunk, &budget)
			if inFirst && (!ok || z.chunk < y.chunk) {
				y, ok = z, true
			}
			more = lesser(more, moreFirst)
		}
		if more != 0 && (!ok || more <= y.chunk) {
			b.Next, b.More = more*chunkBlocks, true
			return nil
		}
		if !ok {
			return nil
		}
		chunk = y.chunk
		if err := b.chunk(chunk); err != nil {
			return err
		}
		if len(b.Blocks.Blocks) > b.most {
			b.Next, b.More = b.Blocks.Blocks[b.most].Index, true
			b.Blocks.Blocks = b.Blocks.Blocks[:b.most]
			return nil
		}
	}
}

// lesser returns the lesser of two numbers of which 0 is none.
func lesser(a, b uint32) uint32 {
	if a == 0 || b != 0 && b < a {
		return b
	}
	return a
}

// chunk adds the blocks of a chunk.
func (b *blockLister) chunk(chunk uint32) error {
	var first, second *content
	if b.changes {
		same, err := b.sameVersion(chunk)
		if err != nil || same {
			return err
		}
		if first, err = b.resolve(b.first, chunk); err != nil {
			return err
		}
	}
	second, err := b.resolve(b.second, chunk)
	if err != nil {
		return err
	}
	for i := range uint32(chunkBlocks) {
		x := Block{Index: chunk*chunkBlocks + i}
		changed := false
		for p := int(i) * blockPages; p < int(i+1)*blockPages; p++ {
			_, inFirst := first.name(p)
			_, inSecond := second.name(p)
			x.First, x.Second = x.First || inFirst, x.Second || inSecond
			changed = changed || !same(first, second, p)
		}
		if changed && x.Index >= b.from {
			b.Blocks.Blocks = append(b.Blocks.Blocks, x)
		}
	}
	return nil
}

// sameVersion reports whether both targets see one and the same version of a
// chunk, which is so for most.
func (b *blockLister) sameVersion(chunk uint32) (bool, error) {
	one := 1
	y, _, _ := b.next(b.first, chunk, &one)
	one = 1
	z, _, _ := b.next(b.second, chunk, &one)
	return y.chunk == chunk && z.chunk == chunk && y.seq == z.seq && b.first[y.layer].branch == b.second[z.layer].branch, nil
}
