package meta

import (
	"encoding/binary"

	"cairn/node/raftgroup"
	pb "cairn/proto"
	"cairn/store"
)

// collected ends rows of the delete queue, and starts those that are held on to
// for single disks. A row that has ended before, by a leader that came first,
// starts none.
func collected(tx *raftgroup.Txn, at store.Time, c *pb.MetaCollected) error {
	for _, h := range c.Held {
		for _, r := range h.Rows {
			if err := hold(tx, h.Disk, r); err != nil {
				return err
			}
		}
	}
	for _, r := range c.Rows {
		if len(r) != gcRowLen {
			return badRow(r)
		}
		tx.Delete(append([]byte{colGC}, r...))
	}
	return forgetFreed(tx, at, 2*len(c.Rows))
}

const gcRowLen = 4 + 16

func badRow(r []byte) error {
	return store.Errorf(store.KindInvalid, "end deletions", "row of %d bytes", len(r))
}

func hold(tx *raftgroup.Txn, disk uint32, row []byte) error {
	if len(row) != gcRowLen {
		return badRow(row)
	}
	v, ok, err := tx.Get(append([]byte{colGC}, row...))
	if err != nil || !ok {
		return err
	}
	tx.Put(heldKey(disk, store.BlobID(row[4:])), v)
	return nil
}

// released ends what is held on to for a disk.
func released(tx *raftgroup.Txn, c *pb.MetaReleased) error {
	for _, b := range c.Blobs {
		if len(b) != len(store.BlobID{}) {
			return store.Errorf(store.KindInvalid, "end deletions", "blob id of %d bytes", len(b))
		}
		tx.Delete(heldKey(c.Disk, store.BlobID(b)))
	}
	return nil
}

// forgetFreed forgets at most limit of the freed blobs that the age fence refuses
// by now. With a limit of two for each that ends, they become fewer.
func forgetFreed(tx *raftgroup.Txn, at store.Time, limit int) error {
	refused := uint32(max(at.CreatedSeconds()-fenceSeconds, 0))
	it, err := tx.Iter([]byte{colFreed}, binary.BigEndian.AppendUint32([]byte{colFreed}, refused))
	if err != nil {
		return err
	}
	defer it.Close()
	for n := 0; n < limit && it.Next(); n++ {
		tx.Delete(it.Key())
	}
	return it.Close()
}
