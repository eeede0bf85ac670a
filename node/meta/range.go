package meta

import (
	"bytes"
	"encoding/binary"
	"fmt"

	"google.golang.org/protobuf/proto"

	pb "cairn/proto"
	"cairn/store"
)

// Times of the blob life cycle, in seconds of group time.
const (
	fenceSeconds  = 12 * 3600 // a new reference to an older blob is refused
	orphanSeconds = 24 * 3600 // an unreferenced blob older than this is dead
	graceSeconds  = 15 * 60   // a dead blob stays readable this long
)

// rowFormat is the first byte of the host's own row values.
const rowFormat = 1

// rangeRow is an interval of keys of one namespace that this group owns.
type rangeRow struct {
	id, gen    uint64
	ns         store.NS
	start, end []byte // end nil: to the end of the namespace
}

func (r *rangeRow) contains(key []byte) bool {
	return bytes.Compare(key, r.start) >= 0 && (r.end == nil || bytes.Compare(key, r.end) < 0)
}

// check refuses rows that a machine has no business with.
func (r *rangeRow) check(col store.Col, key []byte) error {
	if err := checkCol(col); err != nil {
		return err
	}
	if !r.contains(key) {
		return store.Errorf(store.KindInvalid, "use row", "key %q is outside range %d", key, r.id)
	}
	return nil
}

func checkCol(col store.Col) error {
	if col < 0x10 || col >= 0x40 {
		return store.Errorf(store.KindInvalid, "use row", "column %#x is not a machine's", col)
	}
	return nil
}

// clamp cuts [lower, upper) to the range.
func (r *rangeRow) clamp(lower, upper []byte) (lo, hi []byte) {
	if bytes.Compare(lower, r.start) < 0 {
		lower = r.start
	}
	if r.end != nil && (upper == nil || bytes.Compare(upper, r.end) > 0) {
		upper = r.end
	}
	return lower, upper
}

// moved says that the group does not own what was asked for.
func moved(reason, f string, args ...any) error {
	return &store.Error{Op: "route", Kind: store.KindMoved, Reason: reason, Err: fmt.Errorf(f, args...)}
}

// reasonUnknownRange marks a range that this group has never had.
const reasonUnknownRange = "unknown-range"

func encodeRange(r *pb.MetaAdopt, gen uint64) []byte {
	b := binary.BigEndian.AppendUint64([]byte{rowFormat}, gen)
	b, err := proto.MarshalOptions{Deterministic: true}.MarshalAppend(b, r)
	if err != nil {
		panic(fmt.Sprintf("meta: encode range: %v", err)) // it has no strings that could be invalid
	}
	return b
}

func decodeRange(id uint64, b []byte) (*rangeRow, error) {
	if len(b) < 9 {
		return nil, store.Errorf(store.KindCorrupt, "decode range", "%d bytes", len(b))
	}
	if b[0] != rowFormat {
		return nil, unknownFormat("range row", b[0])
	}
	var p pb.MetaAdopt
	if err := proto.Unmarshal(b[9:], &p); err != nil {
		return nil, store.Errorf(store.KindCorrupt, "decode range", "%w", err)
	}
	r := &rangeRow{id: id, gen: binary.BigEndian.Uint64(b[1:]), ns: store.NS(p.Ns), start: p.Start}
	if len(p.End) > 0 {
		r.end = p.End
	}
	return r, nil
}

func unknownFormat(what string, f byte) error {
	return &store.Error{
		Op: "decode", Kind: store.KindUnknownFormat, Resource: fmt.Sprintf("%s format %d", what, f),
		Hint: "a newer version wrote it; upgrade this node",
	}
}

// encodeDebt is the value of a debt row: format, bit per owed shard.
func encodeDebt(missing uint16) []byte {
	return binary.BigEndian.AppendUint16([]byte{rowFormat}, missing)
}

func decodeDebt(b []byte) (uint16, error) {
	if len(b) != 3 {
		return 0, store.Errorf(store.KindCorrupt, "decode debt", "%d bytes", len(b))
	}
	if b[0] != rowFormat {
		return 0, unknownFormat("debt row", b[0])
	}
	return binary.BigEndian.Uint16(b[1:]), nil
}

// encodeGC is the value of a row of the delete queue: format, payload bytes.
func encodeGC(bytes uint32) []byte {
	return binary.BigEndian.AppendUint32([]byte{rowFormat}, bytes)
}
