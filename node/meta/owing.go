package meta

import (
	"encoding/binary"

	"google.golang.org/protobuf/proto"

	"cairn/node/raftgroup"
	pb "cairn/proto"
	"cairn/store"
)

// A fill passes over a blob that it cannot rebuild and that no row refers to: a
// put in flight, most likely one that failed. If it is committed after all, its
// shard is not where the map says, and the receipt does not say so, as it was
// written under the row before. The leader would see that by its own map; but its
// map may be as old as the receipt. Therefore the entry by which the fill learns
// that nothing refers to the blob leaves a row behind: it orders itself against
// the commit, which is either before it, and the fill waits for the blob, or
// behind it, and records the debt whatever the leader's map says.
//
// The row is one for a placement group, not for a blob: most of these blobs are
// never committed, and nobody would clean up after them. A receipt that owes more
// than it need costs one existence check.

// passOver has receipts of a group that are older than o.Gen owe o.Slots.
func passOver(tx *raftgroup.Txn, pg uint32, o *pb.OwedSlots) error {
	row, err := owing(tx, pg)
	if err != nil {
		return err
	}
	row.Gen, row.Slots = max(row.Gen, o.Gen), row.Slots|o.Slots&0xFFFF
	v, err := proto.MarshalOptions{Deterministic: true}.MarshalAppend([]byte{rowFormat}, row)
	if err != nil {
		return err
	}
	tx.Put(owingKey(pg), v)
	return nil
}

// passedOver returns the slots that a receipt owes because a fill may have passed
// over its blob.
func passedOver(tx *raftgroup.Txn, r receipt) (slots uint16, err error) {
	row, err := owing(tx, r.blob.PG())
	if err != nil || r.gen >= row.Gen {
		return 0, err
	}
	return uint16(row.Slots), nil
}

func owing(tx *raftgroup.Txn, pg uint32) (*pb.OwedSlots, error) {
	row := &pb.OwedSlots{}
	v, ok, err := tx.Get(owingKey(pg))
	switch {
	case err != nil || !ok:
		return row, err
	case len(v) == 0 || v[0] != rowFormat:
		return nil, unknownFormat("row of owed slots", append(v, 0)[0])
	}
	if err := proto.Unmarshal(v[1:], row); err != nil {
		return nil, store.Errorf(store.KindCorrupt, "read owed slots", "%w", err)
	}
	return row, nil
}

func owingKey(pg uint32) []byte { return binary.BigEndian.AppendUint32([]byte{colOwing}, pg) }
