package data

import (
	"context"
	"encoding/binary"

	"google.golang.org/protobuf/proto"

	"cairn/internal/arena"
	"cairn/node/data/disk"
	"cairn/node/fabric"
	"cairn/placement"
	pb "cairn/proto"
	"cairn/store"
)

// entryLen is the length of a shard in the reply of a listing, hourLen of an
// hour in that of a digest.
const (
	entryLen = 16 + 1 + 1 + 4
	hourLen  = 4 + 4 + 16
)

func decode(req *fabric.Message, m proto.Message) error {
	if err := proto.Unmarshal(req.Head, m); err != nil {
		return store.Errorf(store.KindInvalid, "data call", "%w", err)
	}
	return nil
}

func encode(m proto.Message) (*fabric.Message, error) {
	head, err := proto.Marshal(m)
	return &fabric.Message{Head: head}, err
}

func blobID(b []byte) (store.BlobID, error) {
	if len(b) != len(store.BlobID{}) {
		return store.BlobID{}, store.Errorf(store.KindInvalid, "data call", "blob id of %d bytes", len(b))
	}
	return store.BlobID(b), nil
}

func shardID(blob []byte, shard uint32) (disk.ShardID, error) {
	id, err := blobID(blob)
	if err == nil && shard >= placement.MaxShards {
		err = store.Errorf(store.KindInvalid, "data call", "shard %d", shard)
	}
	return disk.ShardID{Blob: id, Index: uint8(shard)}, err
}

func (s *Server) write(ctx context.Context, _ fabric.Peer, req *fabric.Message) (*fabric.Message, error) {
	var r pb.WriteShardRequest
	if err := decode(req, &r); err != nil {
		return nil, err
	}
	d, err := s.disk(r.Disk)
	if err != nil {
		return nil, err
	}
	id, err := shardID(r.Blob, r.Shard)
	if err != nil {
		return nil, err
	}
	if r.K == 0 || r.K > placement.MaxShards || r.M > placement.MaxShards || r.K+r.M > placement.MaxShards {
		return nil, store.Errorf(store.KindInvalid, "write shard", "code (%d,%d)", r.K, r.M)
	}
	sh := disk.Shard{
		ShardID: id, K: uint8(r.K), M: uint8(r.M), BlobLen: r.BlobLen,
		Owner: store.Owner{NS: store.NS(r.OwnerNs), Key: r.OwnerKey},
	}
	if err := d.Write(ctx, sh, r.Gen, req.Body, r.Crc); err != nil {
		return nil, err
	}
	return &fabric.Message{}, nil
}

// read answers with the bytes in a buffer of the arena, which the fabric frees
// once they are sent.
func (s *Server) read(ctx context.Context, _ fabric.Peer, req *fabric.Message) (*fabric.Message, error) {
	var r pb.ReadShardRequest
	if err := decode(req, &r); err != nil {
		return nil, err
	}
	d, err := s.disk(r.Disk)
	if err != nil {
		return nil, err
	}
	id, err := shardID(r.Blob, r.Shard)
	if err != nil {
		return nil, err
	}
	if r.Len > disk.MaxShard || r.Off > disk.MaxShard {
		return nil, store.Errorf(store.KindInvalid, "read shard", "bytes %d+%d", r.Off, r.Len)
	}
	body, crc, err := d.Read(ctx, id, int(r.Off), int(r.Len))
	if err != nil {
		return nil, err
	}
	reply, err := encode(&pb.ReadShardReply{Crc: crc})
	reply.Body, reply.OnFree = [][]byte{body}, func() { arena.Put(body) }
	return reply, err
}

func (s *Server) describe(_ context.Context, _ fabric.Peer, req *fabric.Message) (*fabric.Message, error) {
	var r pb.DescribeShardRequest
	if err := decode(req, &r); err != nil {
		return nil, err
	}
	d, err := s.disk(r.Disk)
	if err != nil {
		return nil, err
	}
	id, err := shardID(r.Blob, r.Shard)
	if err != nil {
		return nil, err
	}
	sh, _, err := d.Describe(id)
	if err != nil {
		return nil, err
	}
	return encode(&pb.DescribeShardReply{
		K: uint32(sh.K), M: uint32(sh.M), BlobLen: sh.BlobLen, OwnerNs: uint64(sh.Owner.NS), OwnerKey: sh.Owner.Key,
	})
}

func (s *Server) remove(ctx context.Context, _ fabric.Peer, req *fabric.Message) (*fabric.Message, error) {
	var r pb.DeleteBlobsRequest
	if err := decode(req, &r); err != nil {
		return nil, err
	}
	d, err := s.disk(r.Disk)
	if err != nil {
		return nil, err
	}
	const n = len(store.BlobID{})
	if len(r.Blobs)%n != 0 {
		return nil, store.Errorf(store.KindInvalid, "delete blobs", "ids of %d bytes", len(r.Blobs))
	}
	blobs := make([]store.BlobID, 0, len(r.Blobs)/n)
	for b := r.Blobs; len(b) > 0; b = b[n:] {
		blobs = append(blobs, store.BlobID(b))
	}
	return &fabric.Message{}, d.Delete(ctx, blobs)
}

func (s *Server) fence(ctx context.Context, _ fabric.Peer, req *fabric.Message) (*fabric.Message, error) {
	var r pb.FenceRequest
	if err := decode(req, &r); err != nil {
		return nil, err
	}
	d, err := s.disk(r.Disk)
	if err != nil {
		return nil, err
	}
	if _, err := d.Fence(ctx, r.Pg, r.Gen); err != nil {
		return nil, err
	}
	return &fabric.Message{}, nil
}

func (s *Server) list(ctx context.Context, _ fabric.Peer, req *fabric.Message) (*fabric.Message, error) {
	var r pb.ListShardsRequest
	if err := decode(req, &r); err != nil {
		return nil, err
	}
	d, err := s.disk(r.Disk)
	if err != nil {
		return nil, err
	}
	var after store.BlobID
	if len(r.After) > 0 {
		if after, err = blobID(r.After); err != nil {
			return nil, err
		}
	}
	entries, more, err := d.List(ctx, r.Pg, after, int(min(r.Limit, disk.MaxList)), true)
	if err != nil {
		return nil, err
	}
	out := make([]byte, 0, len(entries)*entryLen)
	for _, e := range entries {
		out = append(append(out, e.Blob[:]...), e.Index, byte(e.State))
		out = binary.BigEndian.AppendUint32(out, e.Len)
	}
	return encode(&pb.ListShardsReply{Entries: out, More: more})
}

func (s *Server) digest(ctx context.Context, _ fabric.Peer, req *fabric.Message) (*fabric.Message, error) {
	var r pb.DigestRequest
	if err := decode(req, &r); err != nil {
		return nil, err
	}
	d, err := s.disk(r.Disk)
	if err != nil {
		return nil, err
	}
	hours, err := d.Digest(ctx, r.Pg)
	if err != nil {
		return nil, err
	}
	out := make([]byte, 0, len(hours)*hourLen)
	for _, h := range hours {
		out = binary.BigEndian.AppendUint32(out, h.Hour)
		out = binary.BigEndian.AppendUint32(out, h.Blobs)
		out = append(out, h.Xor[:]...)
	}
	return encode(&pb.DigestReply{Hours: out})
}
