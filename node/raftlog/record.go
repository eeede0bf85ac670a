package raftlog

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"

	"cairn/store"
)

// Entry is one entry of a group's Raft log.
type Entry struct {
	Index, Term uint64
	Type        uint8
	Data        []byte
}

// A frame's payload is a sequence of records. Each starts with u8 kind | u32
// group; integers are big-endian. All are statements about sets of indexes, so
// that a replay which begins in the middle of history, where the oldest segment
// in use begins, ends in the same state.
const (
	kindEntry byte = 1 // u32 crc32c | u64 index | u64 term | u8 type | u32 length | data: entries from index on go, this one comes
	kindFirst byte = 2 // as kindEntry, but all entries go
	kindMoved byte = 3 // as kindEntry, but no others go: a copy of an entry that is in the log
	kindValue byte = 4 // u8 length | name | u32 length | value: the value takes this name; an empty one is none
	kindCut   byte = 5 // u64 index: entries below it go
	kindDrop  byte = 6 // the group goes
)

const (
	recordHead = 5
	entryHead  = recordHead + 4 + 8 + 8 + 1 + 4
	entryCRC   = recordHead + 4 // where the checked part begins

	maxName  = 255
	maxValue = 64 << 10
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// record is a decoded record. Data points into what it was decoded from.
type record struct {
	kind  byte
	group uint32
	entry Entry // of the entry kinds; its Index, of kindCut
	crc   uint32
	name  string
	value []byte
}

func appendHead(dst []byte, kind byte, group uint32) []byte {
	return binary.BigEndian.AppendUint32(append(dst, kind), group)
}

func appendEntry(dst []byte, kind byte, group uint32, e *Entry) []byte {
	at := len(dst)
	dst = append(appendHead(dst, kind, group), 0, 0, 0, 0)
	dst = binary.BigEndian.AppendUint64(dst, e.Index)
	dst = binary.BigEndian.AppendUint64(dst, e.Term)
	dst = append(dst, e.Type)
	dst = binary.BigEndian.AppendUint32(dst, uint32(len(e.Data)))
	dst = append(dst, e.Data...)
	binary.BigEndian.PutUint32(dst[at+recordHead:], entrySum(dst[at:]))
	return dst
}

// entrySum is the checksum of an encoded entry, for those who read it alone.
func entrySum(b []byte) uint32 { return crc32.Checksum(b[entryCRC:], castagnoli) }

func appendValue(dst []byte, group uint32, name string, value []byte) []byte {
	dst = append(appendHead(dst, kindValue, group), byte(len(name)))
	dst = append(dst, name...)
	dst = binary.BigEndian.AppendUint32(dst, uint32(len(value)))
	return append(dst, value...)
}

func appendCut(dst []byte, group uint32, index uint64) []byte {
	return binary.BigEndian.AppendUint64(appendHead(dst, kindCut, group), index)
}

// decodeRecord reads the record that b begins with, and returns its size. It
// does not verify an entry's checksum: a frame has one over everything.
func decodeRecord(b []byte) (r record, size int, err error) {
	if len(b) < recordHead {
		return r, 0, malformed("a record of %d bytes", len(b))
	}
	r.kind, r.group = b[0], binary.BigEndian.Uint32(b[1:])
	switch r.kind {
	case kindEntry, kindFirst, kindMoved:
		size, err = r.decodeEntry(b)
	case kindValue:
		size, err = r.decodeValue(b)
	case kindCut:
		if len(b) < recordHead+8 {
			return r, 0, malformed("a cut of %d bytes", len(b))
		}
		r.entry.Index, size = binary.BigEndian.Uint64(b[recordHead:]), recordHead+8
	case kindDrop:
		size = recordHead
	default:
		err = &store.Error{
			Op: "read raft log", Kind: store.KindUnknownFormat, Resource: fmt.Sprintf("record of kind %d", r.kind),
			Hint: "this node runs an older version than the one that wrote the log: upgrade it",
		}
	}
	return r, size, err
}

func (r *record) decodeEntry(b []byte) (size int, err error) {
	if len(b) < entryHead {
		return 0, malformed("an entry of %d bytes", len(b))
	}
	n := binary.BigEndian.Uint32(b[entryHead-4:])
	if uint64(n) > uint64(len(b)-entryHead) {
		return 0, malformed("an entry of %d bytes in %d", n, len(b)-entryHead)
	}
	size = entryHead + int(n)
	r.crc = binary.BigEndian.Uint32(b[recordHead:])
	r.entry = Entry{
		Index: binary.BigEndian.Uint64(b[entryCRC:]), Term: binary.BigEndian.Uint64(b[entryCRC+8:]),
		Type: b[entryCRC+16], Data: b[entryHead:size:size],
	}
	return size, nil
}

func (r *record) decodeValue(b []byte) (size int, err error) {
	at := recordHead + 1
	if len(b) < at || len(b) < at+int(b[recordHead])+4 {
		return 0, malformed("a value of %d bytes", len(b))
	}
	r.name = string(b[at : at+int(b[recordHead])])
	at += len(r.name)
	n := binary.BigEndian.Uint32(b[at:])
	at += 4
	if n > maxValue || int(n) > len(b)-at {
		return 0, malformed("a value of %d bytes in %d", n, len(b)-at)
	}
	r.value = b[at : at+int(n) : at+int(n)]
	return at + int(n), nil
}

// malformed is the error of bytes whose checksum was right.
func malformed(format string, args ...any) error {
	return store.Errorf(store.KindCorrupt, "read raft log", format, args...)
}
