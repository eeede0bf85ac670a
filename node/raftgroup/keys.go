package raftgroup

import (
	"bytes"
	"encoding/binary"
)

// Regions of the Pebble. Rows live under their group's number; what belongs to
// Raft itself lives apart, so that the short-lived log entries do not share
// tables with the rows.
const (
	regionRaft uint32 = 0xffff_fffe // region | group | name: stable store, marks of the protocol
	regionLog  uint32 = 0xffff_ffff // region | group | index u64: log entries
)

// Columns of a group that the host keeps for itself.
const (
	colApplied byte = 0x01 // one row: what the rows contain
	colFirst   byte = 0x02 // the first column that a snapshot streams
	colDedupe  byte = 0x03 // client u64 | seq u64: replies given
)

// hostColumn reports whether rows of col are hidden from appliers.
func hostColumn(col byte) bool { return col <= colApplied || col == colDedupe }

func appendGroup(dst []byte, id GroupID) []byte {
	return binary.BigEndian.AppendUint32(dst, uint32(id))
}

// rowKey is the physical key of a row.
func rowKey(id GroupID, key []byte) []byte {
	return append(appendGroup(make([]byte, 0, 4+len(key)), id), key...)
}

// groupBounds are the bounds of all rows of a group.
func groupBounds(id GroupID) (lower, upper []byte) {
	return appendGroup(nil, id), appendGroup(nil, id+1)
}

func appliedKey(id GroupID) []byte { return rowKey(id, []byte{colApplied}) }

func logKey(id GroupID, index uint64) []byte {
	k := binary.BigEndian.AppendUint32(make([]byte, 0, 16), regionLog)
	return binary.BigEndian.AppendUint64(appendGroup(k, id), index)
}

// logEnd is the key behind the last possible log entry of a group.
func logEnd(id GroupID) []byte {
	k := binary.BigEndian.AppendUint32(make([]byte, 0, 8), regionLog)
	return appendGroup(k, id+1)
}

func logIndexOf(key []byte) uint64 { return binary.BigEndian.Uint64(key[8:]) }

func raftKey(id GroupID, name string) []byte {
	k := binary.BigEndian.AppendUint32(make([]byte, 0, 8+len(name)), regionRaft)
	return append(appendGroup(k, id), name...)
}

// raftBounds are the bounds of a group's rows in regionRaft.
func raftBounds(id GroupID) (lower, upper []byte) {
	return raftKey(id, ""), raftKey(id+1, "")
}

// clip bounds a row range to the group: a nil upper is the group's end.
func clip(id GroupID, lower, upper []byte) (lo, hi []byte) {
	lo = rowKey(id, lower)
	if bytes.Compare(lower, []byte{colFirst}) < 0 {
		lo = rowKey(id, []byte{colFirst})
	}
	if upper == nil {
		return lo, appendGroup(nil, id+1)
	}
	return lo, rowKey(id, upper)
}
