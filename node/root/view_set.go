package root

import (
	"google.golang.org/protobuf/proto"

	pb "cairn/proto"
)

// setRow stores or removes a row whose value is a protobuf message.
func setRow[K comparable, M proto.Message](m map[K]M, key K, r *pb.Row, row M) error {
	if r.Deleted {
		delete(m, key)
		return nil
	}
	if err := decodeRow(r.Value, row); err != nil {
		return err
	}
	m[key] = row
	return nil
}

// setDecoded stores or removes a row that has its own binary format.
func setDecoded[K comparable, V any](m map[K]*V, key K, r *pb.Row, decode func(K, []byte) (V, error)) error {
	if r.Deleted {
		delete(m, key)
		return nil
	}
	row, err := decode(key, r.Value)
	if err != nil {
		return err
	}
	m[key] = &row
	return nil
}
