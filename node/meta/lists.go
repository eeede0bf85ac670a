package meta

import (
	"context"
	"iter"

	"cairn/node/raftgroup"
	pb "cairn/proto"
	"cairn/store"
)

// Debt is a blob that has fewer shards than it should.
type Debt struct {
	Blob    store.BlobID
	Missing uint16 // a bit per owed shard
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

func decodeDebtRow(k, v []byte) (Debt, error) {
	if len(k) != len(store.BlobID{}) {
		return Debt{}, store.Errorf(store.KindCorrupt, "read debts", "key of %d bytes", len(k))
	}
	missing, err := decodeDebt(v)
	return Debt{Blob: store.BlobID(k), Missing: missing}, err
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
