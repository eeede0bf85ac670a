package meta

import (
	"context"
	"encoding/binary"
	"iter"

	"cairn/node/raftgroup"
	pb "cairn/proto"
	"cairn/store"
)

// Deletion is a row of the delete queue: a blob that no row refers to any more.
type Deletion struct {
	Due   uint32 // seconds since 2020, group time
	Blob  store.BlobID
	Bytes uint32 // of payload
}

// Debt is a blob that has fewer shards than it should.
type Debt struct {
	Blob    store.BlobID
	Missing uint16 // a bit per owed shard
}

// Deletions returns rows of the delete queue of a group, by the time they were
// due, of those due at or before due.
func Deletions(rows raftgroup.Rows, due uint32) iter.Seq2[Deletion, error] {
	return scan(rows, []byte{colGC}, binary.BigEndian.AppendUint32([]byte{colGC}, due+1), decodeDeletion)
}

// Debts returns the debts of a group behind after, by blob.
func Debts(rows raftgroup.Rows, after store.BlobID) iter.Seq2[Debt, error] {
	return scan(rows, append(debtKey(after), 0), []byte{colDebt + 1}, decodeDebtRow)
}

func scan[T any](rows raftgroup.Rows, lower, upper []byte, decode func(k, v []byte) (T, error)) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var none T
		it, err := rows.Iter(lower, upper)
		if err != nil {
			yield(none, err)
			return
		}
		defer it.Close()
		for it.Next() {
			row, err := decode(it.Key()[1:], it.Value())
			if !yield(row, err) || err != nil {
				return
			}
		}
		if err := it.Close(); err != nil {
			yield(none, err)
		}
	}
}

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

func decodeDebtRow(k, v []byte) (Debt, error) {
	if len(k) != len(store.BlobID{}) {
		return Debt{}, store.Errorf(store.KindCorrupt, "read debts", "key of %d bytes", len(k))
	}
	missing, err := decodeDebt(v)
	return Debt{Blob: store.BlobID(k), Missing: missing}, err
}

// Collected ends rows of the delete queue: no holder has the blobs any more.
func Collected(ctx context.Context, g *raftgroup.Group, s *raftgroup.Session, done []Deletion) error {
	cmd := &pb.MetaCollected{}
	for _, d := range done {
		cmd.Rows = append(cmd.Rows, gcKey(d.Due, d.Blob)[1:])
	}
	return propose(ctx, g, s, &pb.MetaCommand{Cmd: &pb.MetaCommand_Collected{Collected: cmd}})
}

// Repaired takes shards off the lists of owed ones: they are fsynced where the
// map says they belong.
func Repaired(ctx context.Context, g *raftgroup.Group, s *raftgroup.Session, done []Debt) error {
	cmd := &pb.MetaRepaired{}
	for _, d := range done {
		cmd.Blobs = append(cmd.Blobs, &pb.PlacedBlob{Blob: d.Blob[:], Missing: uint32(d.Missing)})
	}
	return propose(ctx, g, s, &pb.MetaCommand{Cmd: &pb.MetaCommand_Repaired{Repaired: cmd}})
}

func propose(ctx context.Context, g *raftgroup.Group, s *raftgroup.Session, c *pb.MetaCommand) error {
	raw, err := encodeCommand(c)
	if err != nil {
		return err
	}
	name := s.Begin()
	defer s.End(name.Seq)
	name.Data, name.Freeing = raw, true
	_, err = g.Propose(ctx, name)
	return err
}
