package data

import (
	"context"
	"encoding/binary"

	"google.golang.org/protobuf/proto"

	"cairn/node/data/disk"
	"cairn/node/fabric"
	"cairn/placement"
	pb "cairn/proto"
	"cairn/store"
)

// Client calls data nodes. It is safe for concurrent use.
type Client struct {
	fabric fabric.Fabric
}

// NewClient returns a client that calls over f.
func NewClient(f fabric.Fabric) *Client { return &Client{fabric: f} }

// call sends a request without a body and decodes the reply's head.
func (c *Client) call(ctx context.Context, to placement.NodeID, m fabric.Method, req, reply proto.Message) error {
	head, err := proto.Marshal(req)
	if err != nil {
		return store.Errorf(store.KindInvalid, "data call", "%w", err)
	}
	msg, err := c.fabric.Call(ctx, to, m, &fabric.Message{Head: head})
	if err != nil {
		return err
	}
	defer msg.Release()
	if reply == nil {
		return nil
	}
	return badReply(to, proto.Unmarshal(msg.Head, reply))
}

func badReply(to placement.NodeID, err error) error {
	if err == nil {
		return nil
	}
	return store.Errorf(store.KindInternal, "data call", "reply of node %d: %w", to, err)
}

// Write stores a shard; see [disk.Disk.Write]. The row's generation is gen, and
// crc is the [disk.CRC] of body.
func (c *Client) Write(ctx context.Context, to placement.NodeID, d placement.DiskID, sh disk.Shard, gen uint32, body []byte, crc uint32) error {
	head, err := proto.Marshal(&pb.WriteShardRequest{
		Disk: uint32(d), Gen: gen, Blob: sh.Blob[:], Shard: uint32(sh.Index), K: uint32(sh.K), M: uint32(sh.M),
		BlobLen: sh.BlobLen, OwnerNs: uint64(sh.Owner.NS), OwnerKey: sh.Owner.Key, Crc: crc,
	})
	if err != nil {
		return store.Errorf(store.KindInvalid, "write shard", "%w", err)
	}
	msg, err := c.fabric.Call(ctx, to, MethodWrite, &fabric.Message{Head: head, Body: [][]byte{body}})
	msg.Release()
	return err
}

// Read returns n bytes of a shard from off, checked here. The caller releases
// them. Errors as [disk.Disk.Read].
func (c *Client) Read(ctx context.Context, to placement.NodeID, d placement.DiskID, id disk.ShardID, off, n int) (*store.Bytes, error) {
	head, err := proto.Marshal(&pb.ReadShardRequest{
		Disk: uint32(d), Blob: id.Blob[:], Shard: uint32(id.Index), Off: uint32(off), Len: uint32(n),
	})
	if err != nil {
		return nil, store.Errorf(store.KindInvalid, "read shard", "%w", err)
	}
	msg, err := c.fabric.Call(ctx, to, MethodRead, &fabric.Message{Head: head})
	if err != nil {
		return nil, err
	}
	var reply pb.ReadShardReply
	if err := badReply(to, proto.Unmarshal(msg.Head, &reply)); err != nil {
		msg.Release()
		return nil, err
	}
	if msg.BodyLen() != n || disk.CRC(msg.Body...) != reply.Crc {
		msg.Release()
		return nil, store.Errorf(store.KindCorrupt, "read shard", "the reply of node %d was damaged on its way", to)
	}
	return store.NewBytes(msg.Body, msg.Release), nil
}

// Describe returns what a shard's record says of it.
func (c *Client) Describe(ctx context.Context, to placement.NodeID, d placement.DiskID, id disk.ShardID) (disk.Shard, error) {
	var r pb.DescribeShardReply
	err := c.call(ctx, to, MethodDescribe, &pb.DescribeShardRequest{Disk: uint32(d), Blob: id.Blob[:], Shard: uint32(id.Index)}, &r)
	return disk.Shard{
		ShardID: id, K: uint8(r.K), M: uint8(r.M), BlobLen: r.BlobLen,
		Owner: store.Owner{NS: store.NS(r.OwnerNs), Key: r.OwnerKey},
	}, err
}

// Delete removes all shards of the blobs; see [disk.Disk.Delete].
func (c *Client) Delete(ctx context.Context, to placement.NodeID, d placement.DiskID, blobs []store.BlobID) error {
	var ids []byte
	for _, b := range blobs {
		ids = append(ids, b[:]...)
	}
	return c.call(ctx, to, MethodDelete, &pb.DeleteBlobsRequest{Disk: uint32(d), Blobs: ids}, nil)
}

// Fence makes a disk refuse writes of a group under rows older than gen.
func (c *Client) Fence(ctx context.Context, to placement.NodeID, d placement.DiskID, pg placement.PGID, gen uint32) error {
	return c.call(ctx, to, MethodFence, &pb.FenceRequest{Disk: uint32(d), Pg: uint32(pg), Gen: gen}, nil)
}

// List returns a page of a group's shards and tombstones behind after; see
// [disk.Disk.List].
func (c *Client) List(ctx context.Context, to placement.NodeID, d placement.DiskID, pg placement.PGID, after store.BlobID, limit int) ([]disk.Entry, bool, error) {
	req := &pb.ListShardsRequest{Disk: uint32(d), Pg: uint32(pg), Limit: uint32(limit)}
	if after != (store.BlobID{}) {
		req.After = after[:]
	}
	var r pb.ListShardsReply
	if err := c.call(ctx, to, MethodList, req, &r); err != nil {
		return nil, false, err
	}
	if len(r.Entries)%entryLen != 0 {
		return nil, false, store.Errorf(store.KindInternal, "list shards", "reply of %d bytes from node %d", len(r.Entries), to)
	}
	out := make([]disk.Entry, 0, len(r.Entries)/entryLen)
	for b := r.Entries; len(b) > 0; b = b[entryLen:] {
		out = append(out, disk.Entry{
			ShardID: disk.ShardID{Blob: store.BlobID(b[:16]), Index: b[16]},
			State:   disk.State(b[17]), Len: binary.BigEndian.Uint32(b[18:]),
		})
	}
	return out, r.More, nil
}

// Digest returns the digests of a group's hours; see [disk.Disk.Digest].
func (c *Client) Digest(ctx context.Context, to placement.NodeID, d placement.DiskID, pg placement.PGID) ([]disk.HourDigest, error) {
	var r pb.DigestReply
	if err := c.call(ctx, to, MethodDigest, &pb.DigestRequest{Disk: uint32(d), Pg: uint32(pg)}, &r); err != nil {
		return nil, err
	}
	if len(r.Hours)%hourLen != 0 {
		return nil, store.Errorf(store.KindInternal, "digest", "reply of %d bytes from node %d", len(r.Hours), to)
	}
	var out []disk.HourDigest
	for b := r.Hours; len(b) > 0; b = b[hourLen:] {
		out = append(out, disk.HourDigest{
			Hour: binary.BigEndian.Uint32(b), Blobs: binary.BigEndian.Uint32(b[4:]), Xor: store.BlobID(b[8:24]),
		})
	}
	return out, nil
}
