package meta

import (
	"bytes"
	"encoding/binary"

	"cairn/store"
)

// The host's own columns. Machines own 0x10-0x3f.
const (
	colRange = 0x02 // range id u64 → rangeRow
	colGC    = 0x40 // due u32 (seconds since 2020), blob 16 → gcRow
	colDebt  = 0x41 // blob 16 → debtRow
	colOwing = 0x42 // pg u32 → OwedSlots: what older receipts owe
	colHeld  = 0x43 // disk u32, blob 16 → gcRow: deleted everywhere but at this disk
	colFreed = 0x44 // created u32, blob 16 → format: it had its last reference
)

// A machine's row has the key
//
//	col u8 | ns u64 | esc(key) | suffix
//
// where esc writes 0x00 as 0x00 0xFF and ends with 0x00 0x01. It keeps the
// order of the keys, and no escaped key is a prefix of another one, so all rows
// of a key are together in every column and a range is one interval in each.
const escEnd = "\x00\x01"

// rowKey builds the key of a machine's row.
func rowKey(col store.Col, ns store.NS, key, suffix []byte) []byte {
	b := make([]byte, 0, 9+len(key)+len(escEnd)+len(suffix)+4)
	b = appendEscaped(appendPrefix(b, col, ns), key)
	return append(append(b, escEnd...), suffix...)
}

// appendPrefix starts the key of a row of a namespace.
func appendPrefix(b []byte, col store.Col, ns store.NS) []byte {
	return binary.BigEndian.AppendUint64(append(b, byte(col)), uint64(ns))
}

// boundKey is the lower bound of all rows whose key is at or behind key.
func boundKey(col store.Col, ns store.NS, key []byte) []byte {
	return appendEscaped(appendPrefix(nil, col, ns), key)
}

func appendEscaped(b, key []byte) []byte {
	for {
		i := bytes.IndexByte(key, 0)
		if i < 0 {
			return append(b, key...)
		}
		b = append(append(b, key[:i]...), 0x00, 0xFF)
		key = key[i+1:]
	}
}

// splitKey takes a row's key apart behind col and ns. buf is reused for keys
// that have to be unescaped.
func splitKey(b, buf []byte) (key, suffix, grown []byte, err error) {
	for from := 0; ; {
		i := bytes.IndexByte(b[from:], 0)
		if i < 0 || from+i+1 >= len(b) {
			return nil, nil, buf, store.Errorf(store.KindCorrupt, "decode row key", "% x", b)
		}
		i += from
		switch b[i+1] {
		case 0x01:
			key, suffix = b[:i], b[i+2:]
			if from == 0 {
				return key, suffix, buf, nil
			}
			buf = unescape(buf[:0], key)
			return buf, suffix, buf, nil
		case 0xFF:
			from = i + 2
		default:
			return nil, nil, buf, store.Errorf(store.KindCorrupt, "decode row key", "% x", b)
		}
	}
}

func unescape(dst, esc []byte) []byte {
	for {
		i := bytes.IndexByte(esc, 0)
		if i < 0 {
			return append(dst, esc...)
		}
		dst = append(append(dst, esc[:i]...), 0)
		esc = esc[i+2:]
	}
}

// gcKey is the key of a row of the delete queue.
func gcKey(due uint32, blob store.BlobID) []byte {
	return append(binary.BigEndian.AppendUint32([]byte{colGC}, due), blob[:]...)
}

// heldKey is the key of the row of a deletion that one disk does not know of.
func heldKey(disk uint32, blob store.BlobID) []byte {
	return append(binary.BigEndian.AppendUint32([]byte{colHeld}, disk), blob[:]...)
}

// debtKey is the key of the row that lists a blob's owed shards.
func debtKey(blob store.BlobID) []byte { return append([]byte{colDebt}, blob[:]...) }

// freedKey is the key of the row that says that a blob has had its last
// reference. Rows sort by the time their blobs were made.
func freedKey(blob store.BlobID) []byte {
	return append(binary.BigEndian.AppendUint32([]byte{colFreed}, blob.Created()), blob[:]...)
}

func rangeKey(id uint64) []byte {
	return binary.BigEndian.AppendUint64([]byte{colRange}, id)
}
