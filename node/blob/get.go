package blob

import (
	"context"
	"fmt"
	"hash/crc32"
	"sync"

	"cairn/placement"
	"cairn/store"
)

// Get implements [store.Blobs].
func (c *Client) Get(ctx context.Context, ref store.Ref, off, n int) (*store.Bytes, error) {
	if off < 0 || n < 0 || off+n > int(ref.Len) {
		return nil, store.Errorf(store.KindInvalid, "get blob", "%s: bytes %d+%d of %d", ref.Blob, off, n, ref.Len)
	}
	if n == 0 {
		return store.NewBytes(nil, nil), nil
	}
	g, err := c.newGet(ref)
	if err != nil {
		return nil, err
	}
	return g.run(ctx, off, n)
}

// getJob reads one blob.
type getJob struct {
	c    *Client
	ref  store.Ref
	pg   *placement.PG
	topo *placement.Topology
	k, n int
	size int // of a shard
}

func (c *Client) newGet(ref store.Ref) (*getJob, error) {
	t, err := c.current()
	if err != nil {
		return nil, err
	}
	pg := c.view.PG(placement.PGID(ref.Blob.PG()))
	if pg == nil {
		return nil, store.Errorf(store.KindUnavailable, "get blob", "%s: its placement group is not in this node's map", ref.Blob)
	}
	p := c.view.Policy(pg.Policy)
	if p == nil {
		return nil, store.Errorf(store.KindUnavailable, "get blob", "%s: its policy is not in this node's map", ref.Blob)
	}
	return &getJob{
		c: c, ref: ref, pg: pg, topo: t.topo, k: int(p.K), n: p.N(), size: shardLen(int(ref.Len), int(p.K)),
	}, nil
}

// piece is a range of one data shard.
type piece struct {
	shard, off, n int
}

// pieces splits a range of the payload by data shard.
func (g *getJob) pieces(off, n int) []piece {
	var out []piece
	for n > 0 {
		s := off / g.size
		at := off % g.size
		take := min(n, g.size-at)
		out = append(out, piece{s, at, take})
		off, n = off+take, n-take
	}
	return out
}

// run reads all pieces at once and puts them together.
func (g *getJob) run(ctx context.Context, off, n int) (*store.Bytes, error) {
	ps := g.pieces(off, n)
	got := make([]*store.Bytes, len(ps))
	errs := make([]error, len(ps))
	read := g.readPiece
	if g.k == 1 {
		read = g.readCopy
	}
	var wg sync.WaitGroup
	for i, p := range ps[1:] {
		wg.Go(func() { got[i+1], errs[i+1] = read(ctx, p) })
	}
	got[0], errs[0] = read(ctx, ps[0])
	wg.Wait()
	out, err := join(got, errs)
	if err != nil {
		return nil, err
	}
	if n == int(g.ref.Len) && g.crc(out) != g.ref.CRC {
		out.Release()
		return nil, &store.Error{
			Op: "get blob", Kind: store.KindCorrupt, Resource: g.ref.Blob.String(),
			Err: fmt.Errorf("its shards pass their checksums and the whole does not"),
		}
	}
	return out, nil
}

func (g *getJob) crc(b *store.Bytes) (crc uint32) {
	for _, p := range b.Parts() {
		crc = crc32.Update(crc, castagnoli, p)
	}
	return crc
}

// join makes one result of several; if one failed, the others are released.
func join(got []*store.Bytes, errs []error) (*store.Bytes, error) {
	if len(got) == 1 && errs[0] == nil {
		return got[0], nil
	}
	var err error
	var parts [][]byte
	for i, b := range got {
		err = first(err, errs[i])
		if b != nil {
			parts = append(parts, b.Parts()...)
		}
	}
	release := func() {
		for _, b := range got {
			if b != nil {
				b.Release()
			}
		}
	}
	if err != nil {
		release()
		return nil, err
	}
	return store.NewBytes(parts, release), nil
}
