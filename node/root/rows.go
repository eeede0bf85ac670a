package root

import (
	"encoding/binary"
	"fmt"

	"google.golang.org/protobuf/proto"

	"cairn/placement"
	pb "cairn/proto"
	"cairn/store"
)

// The columns of the root group's rows; each is the first byte of its keys.
const (
	colCluster  = 'Z' // one ClusterRow
	colCounters = 'W' // one CountersRow
	colEpoch    = 'E' // u64: counts the commands that changed rows
	colNode     = 'N' // node u32 → NodeRow
	colDisk     = 'D' // disk u32 → DiskRow
	colPolicy   = 'Y' // policy u16 → placement.Policy
	colPG       = 'P' // pg u32 → placement.PG
	colGroup    = 'G' // group u32 → GroupRow
	colRange    = 'R' // ns u64, start → RangeRow
	colName     = 'M' // kind u8, name → NameRow
)

// rowFormat is the first byte of every value that is a protobuf message.
const rowFormat = 1

var (
	keyCluster  = []byte{colCluster}
	keyCounters = []byte{colCounters}
	keyEpoch    = []byte{colEpoch}
)

func keyU32(col byte, n uint32) []byte {
	return binary.BigEndian.AppendUint32([]byte{col}, n)
}

func keyPolicy(id placement.PolicyID) []byte {
	return binary.BigEndian.AppendUint16([]byte{colPolicy}, uint16(id))
}

func keyRange(ns store.NS, start []byte) []byte {
	return append(binary.BigEndian.AppendUint64([]byte{colRange}, uint64(ns)), start...)
}

func keyName(kind store.NameKind, name string) []byte {
	return append([]byte{colName, byte(kind)}, name...)
}

// EncodeRow puts the format byte before m.
func EncodeRow(m proto.Message) []byte {
	b, err := proto.MarshalOptions{Deterministic: true}.MarshalAppend([]byte{rowFormat}, m)
	if err != nil {
		panic(fmt.Sprintf("root: encode %T: %v", m, err)) // only invalid UTF-8 can, and input is checked
	}
	return b
}

// decodeRow reads what encodeRow wrote.
func decodeRow(b []byte, m proto.Message) error {
	if len(b) == 0 {
		return store.Errorf(store.KindCorrupt, "decode root row", "empty value")
	}
	if b[0] != rowFormat {
		return &store.Error{
			Op: "decode root row", Kind: store.KindUnknownFormat,
			Resource: fmt.Sprintf("%T format %d", m, b[0]), Hint: "a newer version wrote it; upgrade this node",
		}
	}
	if err := proto.Unmarshal(b[1:], m); err != nil {
		return store.Errorf(store.KindCorrupt, "decode root row", "%T: %w", m, err)
	}
	return nil
}

// nameOf converts a row to the waist's type.
func nameOf(r *pb.NameRow) store.Name {
	return store.Name{
		Kind: store.NameKind(r.Kind), Name: r.Name, ID: r.Id, Owner: r.Owner,
		State: store.NameState(r.State), Gen: r.Gen, Created: store.Time(r.CreatedMs), Attrs: r.Attrs,
	}
}

// rowOfName is the inverse of nameOf.
func rowOfName(n store.Name) *pb.NameRow {
	return &pb.NameRow{
		Kind: uint32(n.Kind), Name: n.Name, Id: n.ID, Owner: n.Owner,
		State: uint32(n.State), Gen: n.Gen, CreatedMs: int64(n.Created), Attrs: n.Attrs,
	}
}
