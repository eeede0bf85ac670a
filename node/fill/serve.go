package fill

import (
	"context"

	"google.golang.org/protobuf/proto"

	"cairn/node/data/disk"
	"cairn/node/fabric"
	"cairn/placement"
	pb "cairn/proto"
	"cairn/store"
)

// MethodRepair asks the node that should have a shard to get it.
const MethodRepair fabric.Method = 0x0480

// maxAsked bounds the shards of one call.
const maxAsked = 1024

// Serve registers the call by which owed shards are brought in.
func (f *Filler) Serve(fab fabric.Fabric) { fab.Handle(MethodRepair, f.repair) }

// repair brings the owed shards of some blobs to the disks of this node. It
// answers with those that are there now.
func (f *Filler) repair(ctx context.Context, _ fabric.Peer, req *fabric.Message) (*fabric.Message, error) {
	var r pb.RepairRequest
	if err := proto.Unmarshal(req.Head, &r); err != nil {
		return nil, store.Errorf(store.KindInvalid, "repair shards", "%w", err)
	}
	if len(r.Shards) > maxAsked {
		return nil, store.Errorf(store.KindTooLarge, "repair shards", "%d shards, at most %d", len(r.Shards), maxAsked)
	}
	reply := &pb.RepairReply{}
	for _, s := range r.Shards {
		if len(s.Blob) != len(store.BlobID{}) {
			return nil, store.Errorf(store.KindInvalid, "repair shards", "blob id of %d bytes", len(s.Blob))
		}
		done, err := f.repairOne(ctx, store.BlobID(s.Blob), int(s.Shard), r.Urgent)
		if err != nil {
			reply.LastError = err.Error()
		}
		reply.Done = append(reply.Done, done)
	}
	head, err := proto.Marshal(reply)
	return &fabric.Message{Head: head}, err
}

// repairOne brings one shard in, if its place is on this node.
func (f *Filler) repairOne(ctx context.Context, blob store.BlobID, shard int, urgent bool) (bool, error) {
	pg := f.cfg.Root.View().PG(placement.PGID(blob.PG()))
	if pg == nil || shard >= len(pg.Holders) {
		return false, store.Errorf(store.KindStaleMap, "repair shard", "%s shard %d is not in the map", blob, shard)
	}
	local := f.cfg.Local.ByID()[pg.Holders[shard]]
	if local == nil {
		return false, store.Errorf(store.KindStaleMap, "repair shard", "disk %d is not here", pg.Holders[shard])
	}
	_, err := f.bring(ctx, local, pg.Gen, disk.ShardID{Blob: blob, Index: uint8(shard)}, urgent)
	return err == nil, err
}

// Ask asks the node to bring in owed shards; done tells which are there now.
func Ask(ctx context.Context, fab fabric.Fabric, to placement.NodeID, shards []disk.ShardID, urgent bool) (done []bool, last string, err error) {
	req := &pb.RepairRequest{Urgent: urgent}
	for _, s := range shards {
		req.Shards = append(req.Shards, &pb.ShardName{Blob: s.Blob[:], Shard: uint32(s.Index)})
	}
	head, err := proto.Marshal(req)
	if err != nil {
		return nil, "", err
	}
	msg, err := fab.Call(ctx, to, MethodRepair, &fabric.Message{Head: head})
	if err != nil {
		return nil, "", err
	}
	defer msg.Release()
	var reply pb.RepairReply
	if err := proto.Unmarshal(msg.Head, &reply); err != nil || len(reply.Done) != len(shards) {
		return nil, "", store.Errorf(store.KindInternal, "repair shards", "reply of node %d: %v", to, err)
	}
	return reply.Done, reply.LastError, nil
}
