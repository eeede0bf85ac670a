package machine

import (
	"context"

	"cairn/store"
)

// Claim makes a gateway the owner of a volume and returns what it has to
// replay.
func (c *Client) Claim(ctx context.Context, family store.NS, x *Claim) (*Takeover, error) {
	var t Takeover
	return &t, c.do(ctx, family, opClaim, x, &t)
}

// Renew extends the owner's lease, or gives the volume up.
func (c *Client) Renew(ctx context.Context, family store.NS, x *Renew) error {
	return c.do(ctx, family, opRenew, x, nil)
}

// Recovered tells where the journal that a new owner found ends.
func (c *Client) Recovered(ctx context.Context, family store.NS, x *Recovered) error {
	return c.do(ctx, family, opRecovered, x, nil)
}

// Register adds segments to a volume's journal and returns the first one's
// number; the others follow it.
func (c *Client) Register(ctx context.Context, family store.NS, x *Register) (first uint32, err error) {
	var r Registered
	err = c.do(ctx, family, opRegister, x, &r)
	return r.First, err
}

// Seal fixes the end of a segment.
func (c *Client) Seal(ctx context.Context, family store.NS, x *Seal) error {
	return c.do(ctx, family, opSeal, x, nil)
}

// Trim drops the segments that are flushed and returns them.
func (c *Client) Trim(ctx context.Context, family store.NS, x *Trim) ([]Segment, error) {
	var t Trimmed
	err := c.do(ctx, family, opTrim, x, &t)
	return t.Segments, err
}

// Flush moves journal entries into the rows.
func (c *Client) Flush(ctx context.Context, family store.NS, x *Flush) (*Flushed, error) {
	for i := range x.Chunks {
		for j := range x.Chunks[i].Runs {
			if !x.Chunks[i].Runs[j].fits() {
				return nil, refuse(store.KindInvalid, ReasonRuns, "", "%v chunk %d", x.Branch, x.Chunks[i].Chunk)
			}
		}
	}
	var f Flushed
	return &f, c.do(ctx, family, opFlush, x, &f, x.Blobs...)
}

// PageMap returns where the pages of n chunks (at most MaxMapChunks) from the
// given one on are.
func (c *Client) PageMap(ctx context.Context, family store.NS, t Target, from uint32, n int) (*PageMap, error) {
	if n < 0 || n > MaxMapChunks {
		return nil, refuse(store.KindInvalid, ReasonPage, "0 to 256 chunks", "%d", n)
	}
	var p PageMap
	return &p, c.ask(ctx, family, queryMap, &askMap{t, from, uint32(n)}, &p)
}

// Blocks returns up to max blocks (at most MaxBlocks) of a target that have
// data, from the given index on. Ask again from Next while More.
func (c *Client) Blocks(ctx context.Context, family store.NS, t Target, from uint32, max int) (*Blocks, error) {
	return c.ChangedBlocks(ctx, family, Target{}, t, from, max)
}

// ChangedBlocks returns up to max blocks that differ between two targets of one
// lineage, from the given index on. Ask again from Next while More.
func (c *Client) ChangedBlocks(ctx context.Context, family store.NS, first, second Target, from uint32, max int) (*Blocks, error) {
	if max < 1 || max > MaxBlocks {
		return nil, refuse(store.KindInvalid, ReasonPage, "1 to 10,000 blocks", "%d", max)
	}
	var p Blocks
	return &p, c.ask(ctx, family, queryBlocks, &askBlocks{first, second, from, uint32(max)}, &p)
}

// Sweep frees a bounded number of rows of what was deleted. Call it until there
// is no more.
func (c *Client) Sweep(ctx context.Context, family store.NS) (*Progress, error) {
	var p Progress
	return &p, c.do(ctx, family, opSweep, &sweep{}, &p)
}

// Flatten makes a clone independent of its parent, step by step. Call it until
// there is no more, then Sweep.
func (c *Client) Flatten(ctx context.Context, family store.NS, b Branch) (*Progress, error) {
	var p Progress
	return &p, c.do(ctx, family, opFlatten, &Flatten{b}, &p)
}

// Compact makes rows name copies of pages. Call it until there is no more, each
// time with At as the last reply's Next.
func (c *Client) Compact(ctx context.Context, family store.NS, x *Compact) (*Compacted, error) {
	for i := range x.Moves {
		m := &x.Moves[i]
		if m.Page < 0 || m.Pages < 1 || m.Page+m.Pages > ChunkPages || m.FromOff < 0 || m.FromOff+m.Pages > BlobPages || m.ToOff < 0 || m.ToOff+m.Pages > BlobPages {
			return nil, refuse(store.KindInvalid, ReasonRuns, "", "move %d", i)
		}
	}
	var r Compacted
	return &r, c.do(ctx, family, opCompact, x, &r, x.To)
}

// Sparse returns up to max blobs behind one of which less than percent of the
// pages are named.
func (c *Client) Sparse(ctx context.Context, family store.NS, after store.BlobID, percent, max int) (*Sparse, error) {
	if err := checkPage(max); err != nil {
		return nil, err
	}
	if percent < 0 || percent > 100 {
		return nil, refuse(store.KindInvalid, ReasonPage, "0 to 100 percent", "%d", percent)
	}
	var p Sparse
	return &p, c.ask(ctx, family, querySparse, &askSparse{after, uint8(percent), uint32(max)}, &p)
}

// Fragmented returns chunks of a volume, from the given one on, that have more
// than MaxRuns runs.
func (c *Client) Fragmented(ctx context.Context, family store.NS, b Branch, from uint32) (*Chunks, error) {
	var p Chunks
	return &p, c.ask(ctx, family, queryFragmented, &askFragmented{b, from}, &p)
}
