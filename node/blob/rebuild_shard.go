package blob

import (
	"context"

	"cairn/node/data/disk"
	"cairn/placement"
	"cairn/store"
)

// Rebuilt is a shard with all that is needed to store it.
type Rebuilt struct {
	Data    *store.Bytes // release it
	K, M    uint8
	BlobLen int
	Owner   store.Owner
}

// Rebuild returns a shard of a blob: read from the disk that it is leaving, or
// computed from k others. Its own holder is not asked. [store.KindNotFound]
// means that everybody answered and fewer than k shards exist.
func (c *Client) Rebuild(ctx context.Context, id store.BlobID, shard int) (*Rebuilt, error) {
	g, sh, err := c.describe(ctx, id)
	if err != nil {
		return nil, err
	}
	if shard < 0 || shard >= g.n {
		return nil, store.Errorf(store.KindInvalid, "rebuild shard", "%s has no shard %d", id, shard)
	}
	r := &Rebuilt{K: uint8(g.k), M: uint8(g.n - g.k), BlobLen: int(sh.BlobLen), Owner: sh.Owner}
	whole := piece{shard, 0, g.size}
	if prev := g.pg.PrevOf(shard); prev != 0 {
		if r.Data, err = g.readDisk(ctx, prev, whole); err == nil {
			return r, nil
		}
	}
	if g.k == 1 {
		r.Data, err = g.anyCopy(ctx, shard)
	} else {
		r.Data, err = g.rebuild(ctx, whole)
	}
	return r, err
}

// anyCopy reads a replicated blob from any holder but one.
func (g *getJob) anyCopy(ctx context.Context, except int) (*store.Bytes, error) {
	errs := failures{}
	for _, s := range g.order(g.allShards()) {
		if s == except {
			continue
		}
		b, err := g.readShard(ctx, piece{s, 0, g.size})
		if err == nil {
			return b, nil
		}
		errs.add(err)
	}
	return nil, errs.verdict(g)
}

// Owner returns the key that a blob was written for, from any of its shards.
func (c *Client) Owner(ctx context.Context, id store.BlobID) (store.Owner, error) {
	_, sh, err := c.describe(ctx, id)
	return sh.Owner, err
}

// describe asks the holders in turn what a blob is. A disk that left one slot and
// was given another may have the shard of its old slot still, and that may be all
// there is of a put that failed: what no holder has in its own slot is looked for
// in the others'.
func (c *Client) describe(ctx context.Context, id store.BlobID) (*getJob, disk.Shard, error) {
	g, err := c.newGet(store.Ref{Blob: id})
	if err != nil {
		return nil, disk.Shard{}, err
	}
	errs, silent := failures{}, map[placement.DiskID]bool{0: true}
	slots := g.order(g.allShards())
	for away := range g.n {
		for _, s := range slots {
			for _, d := range []placement.DiskID{g.pg.Holders[s], g.pg.PrevOf(s)} {
				if silent[d] {
					continue
				}
				sh, err := g.describeAt(ctx, d, uint8((s+away)%g.n))
				if err == nil {
					g.ref.Len = sh.BlobLen
					g.size = shardLen(int(sh.BlobLen), g.k)
					return g, sh, nil
				}
				errs.add(err)
				silent[d] = !store.Is(err, store.KindNotFound) && !store.Is(err, store.KindCorrupt)
			}
		}
	}
	return nil, disk.Shard{}, errs.verdict(g)
}

// describeAt asks a disk what it has of one shard.
func (g *getJob) describeAt(ctx context.Context, d placement.DiskID, index uint8) (disk.Shard, error) {
	node, ok := g.topo.NodeOf(d)
	if !ok {
		return disk.Shard{}, store.Errorf(store.KindUnavailable, "describe shard", "disk %d is not in the map", d)
	}
	return g.c.shards.Describe(ctx, node.ID, d, disk.ShardID{Blob: g.ref.Blob, Index: index})
}
