package meta

import (
	"bytes"
	"context"
	"encoding/binary"
	"iter"

	"cairn/node/raftgroup"
	"cairn/placement"
	pb "cairn/proto"
	"cairn/store"
)

// Deletion is a row of the delete queue: a blob that no row refers to any more.
type Deletion struct {
	Due   uint32 // seconds since 2020, group time
	Blob  store.BlobID
	Bytes uint32 // of payload
}

// Deletions returns rows of the delete queue of a group, by the time they were
// due, of those due at or before due.
func Deletions(rows raftgroup.Rows, due uint32) iter.Seq2[Deletion, error] {
	return scan(rows, []byte{colGC}, binary.BigEndian.AppendUint32([]byte{colGC}, due+1), decodeDeletion)
}

// HeldDisks returns the disks that do not know yet of deletions of a group.
func HeldDisks(rows raftgroup.Rows) (disks []placement.DiskID, err error) {
	it, err := rows.Iter([]byte{colHeld}, []byte{colHeld + 1})
	if err != nil {
		return nil, err
	}
	defer it.Close()
	for ok := it.Next(); ok; {
		if len(it.Key()) != heldKeyLen {
			return nil, store.Errorf(store.KindCorrupt, "read held deletions", "key of %d bytes", len(it.Key()))
		}
		disk := binary.BigEndian.Uint32(it.Key()[1:])
		disks = append(disks, placement.DiskID(disk))
		if disk == ^uint32(0) {
			break
		}
		ok = it.SeekGE(binary.BigEndian.AppendUint32([]byte{colHeld}, disk+1))
	}
	return disks, it.Close()
}

// Held returns the blobs of a group that are deleted but at one disk, which was
// away; their Due is not known.
func Held(rows raftgroup.Rows, disk placement.DiskID) iter.Seq2[Deletion, error] {
	lower := binary.BigEndian.AppendUint32([]byte{colHeld}, uint32(disk))
	upper := append(bytes.Clone(lower), heldEnd...)
	return scan(rows, lower, upper, func(k, v []byte) (Deletion, error) {
		d, err := decodeDeletion(k, v)
		d.Due = 0
		return d, err
	})
}

const heldKeyLen = 1 + 4 + 16

// heldEnd is behind all blob ids: no placement group has the highest number.
var heldEnd = bytes.Repeat([]byte{0xFF}, 16)

// decodeDeletion decodes a row of either list; both keys end with a blob behind
// four bytes.
func decodeDeletion(k, v []byte) (Deletion, error) {
	if len(k) != 20 || len(v) != 5 {
		return Deletion{}, store.Errorf(store.KindCorrupt, "read delete queue", "row of %d and %d bytes", len(k), len(v))
	}
	if v[0] != rowFormat {
		return Deletion{}, unknownFormat("delete queue row", v[0])
	}
	return Deletion{
		Due: binary.BigEndian.Uint32(k), Blob: store.BlobID(k[4:]), Bytes: binary.BigEndian.Uint32(v[1:]),
	}, nil
}

// Collected ends rows of the delete queue. No holder has the blobs any more but
// the disks in held, each of which keeps a row of its own for the blobs it is
// mapped to, all of them in done.
func Collected(ctx context.Context, g *raftgroup.Group, s *raftgroup.Session, done []Deletion, held map[placement.DiskID][]Deletion) error {
	cmd := &pb.MetaCollected{}
	for _, d := range done {
		cmd.Rows = append(cmd.Rows, gcKey(d.Due, d.Blob)[1:])
	}
	for disk, rows := range held {
		h := &pb.HeldBlobs{Disk: uint32(disk)}
		for _, d := range rows {
			h.Rows = append(h.Rows, gcKey(d.Due, d.Blob)[1:])
		}
		cmd.Held = append(cmd.Held, h)
	}
	return propose(ctx, g, s, &pb.MetaCommand{Cmd: &pb.MetaCommand_Collected{Collected: cmd}})
}

// Released ends what is held on to for a disk: it has deleted the blobs, or its
// contents do not count any more.
func Released(ctx context.Context, g *raftgroup.Group, s *raftgroup.Session, disk placement.DiskID, done []Deletion) error {
	cmd := &pb.MetaReleased{Disk: uint32(disk)}
	for _, d := range done {
		cmd.Blobs = append(cmd.Blobs, d.Blob[:])
	}
	return propose(ctx, g, s, &pb.MetaCommand{Cmd: &pb.MetaCommand_Released{Released: cmd}})
}
