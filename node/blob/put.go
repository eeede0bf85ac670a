package blob

import (
	"context"
	"fmt"

	"cairn/internal/arena"
	"cairn/node/data/disk"
	"cairn/placement"
	"cairn/store"
)

// maxTries is how many groups a payload is offered to before the caller is told.
const maxTries = 4

// Put implements [store.Blobs].
func (c *Client) Put(ctx context.Context, owner store.Owner, class store.Class, payload []byte) (store.Placed, error) {
	const op = "put blob"
	if len(payload) == 0 || len(payload) > store.MaxBlob || len(owner.Key) > maxOwnerKey {
		return store.Placed{}, store.Errorf(store.KindInvalid, op, "payload of %d bytes, owner key of %d", len(payload), len(owner.Key))
	}
	if err := c.room.Acquire(ctx, int64(len(payload))); err != nil {
		return store.Placed{}, &store.Error{Op: op, Kind: store.KindOf(err), Err: err}
	}
	defer c.room.Release(int64(len(payload)))
	var tried []placement.PGID
	var last error
	for range maxTries {
		t, err := c.current()
		if err != nil {
			return store.Placed{}, err
		}
		policy, ok := placement.Select(t.policies, class, len(payload))
		if !ok {
			return store.Placed{}, &store.Error{Op: op, Kind: store.KindUnavailable, Hint: "the cluster is still forming; see `cairn status`"}
		}
		pg, usable := t.pick(policy, tried)
		if pg == nil {
			if last == nil {
				last = t.noGroups(policy)
			}
			break
		}
		tried = append(tried, pg.ID)
		w := &putJob{
			c: c, topo: t.topo, policy: policy, pg: pg,
			failed: policy.All() &^ usable, whole: usable == policy.All(),
			ref: store.Ref{Blob: c.newID(pg.ID), Len: uint32(len(payload))},
		}
		placed, err := w.run(ctx, owner, payload)
		if err == nil || ctx.Err() != nil {
			return placed, err
		}
		last = err
	}
	return store.Placed{}, last
}

// maxOwnerKey is the longest key that fits a shard's header, in bytes.
const maxOwnerKey = 1024

// cut splits a payload into its n shards. bufs are the arena buffers that they
// lie in, beside the payload's own; the caller frees them.
func (c *Client) cut(p placement.Policy, payload []byte) (shards, bufs [][]byte, err error) {
	n, k := p.N(), int(p.K)
	shards = make([][]byte, n)
	if k == 1 && !arena.Owns(payload) { // a late copy may still be read from it
		own := arena.Get(len(payload))
		copy(own, payload)
		payload, bufs = own, append(bufs, own)
	}
	if k == 1 {
		for i := range shards {
			shards[i] = payload
		}
		return shards, bufs, nil
	}
	size := shardLen(len(payload), k)
	if cap(payload) < k*size || !arena.Owns(payload) {
		own := arena.Get(k * size)
		copy(own, payload)
		payload, bufs = own[:len(payload)], append(bufs, own)
	}
	whole := payload[:k*size]
	clear(whole[len(payload):])
	parity := arena.Get(int(p.M) * size)
	bufs = append(bufs, parity)
	for i := range shards {
		if i < k {
			shards[i] = whole[i*size : (i+1)*size : (i+1)*size]
		} else {
			shards[i] = parity[(i-k)*size : (i-k+1)*size : (i-k+1)*size]
		}
	}
	enc, err := c.codes.get(p.K, p.M)
	if err == nil {
		err = enc.Encode(shards)
	}
	if err != nil {
		return nil, bufs, fmt.Errorf("encode blob: %w", err)
	}
	return shards, bufs, nil
}

// sum returns the crc32c of each shard and that of the payload, which the first k
// are cut from. Each byte is read once.
func sum(shards [][]byte, k, payload int) (sums []uint32, whole uint32) {
	sums = make([]uint32, len(shards))
	if k == 1 {
		whole = disk.CRC(shards[0])
		for i := range sums {
			sums[i] = whole
		}
		return sums, whole
	}
	for i, s := range shards {
		n := len(s) // of the payload; what is behind it is padding
		if i < k {
			n = min(max(payload-i*len(s), 0), len(s))
		}
		sums[i] = disk.CRC(s[:n])
		if i < k {
			whole = disk.JoinCRC(whole, sums[i], n)
		}
		if n < len(s) {
			sums[i] = disk.JoinCRC(sums[i], disk.CRC(s[n:]), len(s)-n)
		}
	}
	return sums, whole
}
