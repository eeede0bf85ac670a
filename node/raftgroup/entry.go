package raftgroup

import (
	"encoding/binary"
	"fmt"

	"cairn/store"
)

// An entry of the group's log packs the commands that waited together. Format 1:
// u8 format | i64 time in ms | uvarint count | per command: uvarint client |
// uvarint seq | uvarint low | uvarint length | data.
const entryFormat = 1

// Limits of one entry.
const (
	maxPack      = 256       // commands
	maxPackBytes = 256 << 10 // of data; a larger command goes alone
)

// appendEntryHeader starts an entry of n commands.
func appendEntryHeader(dst []byte, at store.Time, n int) []byte {
	dst = append(dst, entryFormat)
	dst = binary.BigEndian.AppendUint64(dst, uint64(at))
	return binary.AppendUvarint(dst, uint64(n))
}

func appendCommand(dst []byte, c *Command) []byte {
	dst = binary.AppendUvarint(dst, c.Client)
	dst = binary.AppendUvarint(dst, c.Seq)
	dst = binary.AppendUvarint(dst, c.Low)
	dst = binary.AppendUvarint(dst, uint64(len(c.Data)))
	return append(dst, c.Data...)
}

// decodeEntry calls fn for each command of an entry. The commands' Data points
// into b. Damaged input is an error of KindCorrupt; an unknown format, one of
// KindUnknownFormat that names it.
func decodeEntry(b []byte) (at store.Time, cmds []Command, err error) {
	d := decoder{b: b}
	if f := d.u8(); f != entryFormat && !d.bad {
		return 0, nil, &store.Error{
			Op: "apply", Kind: store.KindUnknownFormat, Resource: fmt.Sprintf("raft entry format %d", f),
			Hint: "this node runs an older version than the one that wrote the entry: upgrade it",
		}
	}
	at = store.Time(d.u64())
	n := d.uvarint()
	if n > maxPack {
		d.bad = true
	}
	for i := uint64(0); i < n && !d.bad; i++ {
		c := Command{Client: d.uvarint(), Seq: d.uvarint(), Low: d.uvarint()}
		c.Data = d.bytes(MaxCommand)
		cmds = append(cmds, c)
	}
	if d.bad || len(d.b) != 0 {
		return 0, nil, store.Errorf(store.KindCorrupt, "apply", "raft entry of %d bytes is malformed", len(b))
	}
	return at, cmds, nil
}

// decoder reads fields off b. Once b is too short, bad is set and zeroes come
// back.
type decoder struct {
	b   []byte
	bad bool
}

func (d *decoder) take(n int) []byte {
	if n < 0 || n > len(d.b) {
		d.bad, d.b = true, nil
		return nil
	}
	out := d.b[:n:n]
	d.b = d.b[n:]
	return out
}

func (d *decoder) u8() byte {
	if b := d.take(1); b != nil {
		return b[0]
	}
	return 0
}

func (d *decoder) bool() bool { return d.u8() != 0 }

func (d *decoder) u32() uint32 {
	if b := d.take(4); b != nil {
		return binary.BigEndian.Uint32(b)
	}
	return 0
}

func (d *decoder) u64() uint64 {
	if b := d.take(8); b != nil {
		return binary.BigEndian.Uint64(b)
	}
	return 0
}

func (d *decoder) uvarint() uint64 {
	v, n := binary.Uvarint(d.b)
	if n <= 0 {
		d.bad, d.b = true, nil
		return 0
	}
	d.b = d.b[n:]
	return v
}

// bytes reads a length of at most limit, and so many bytes.
func (d *decoder) bytes(limit uint64) []byte {
	n := d.uvarint()
	if n > limit {
		d.bad, d.b = true, nil
		return nil
	}
	return d.take(int(n))
}
