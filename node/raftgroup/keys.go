package raftgroup

import (
	"bytes"
	"encoding/binary"
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
