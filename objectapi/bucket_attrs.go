package objectapi

import (
	"encoding/binary"

	"cairn/objectapi/machine"
	"cairn/store"
)

// bucketAttrs are a bucket's settings, kept in its name's attributes.
//
// Format 1: u8 format | fields, each u8 tag, uvarint length, value. Tags: 1, the
// bucket's tags, each name and value with its uvarint length before it. No
// attributes at all are format 1 without fields. Numbers are stored.
type bucketAttrs struct {
	tags []machine.Pair
}

const (
	attrsFormat = 1
	fieldTags   = 1
)

func (a *bucketAttrs) encode() []byte {
	b := []byte{attrsFormat}
	if len(a.tags) > 0 {
		var inner []byte
		for _, t := range a.tags {
			inner = appendString(appendString(inner, t.Name), t.Value)
		}
		b = appendString(append(b, fieldTags), string(inner))
	}
	return b
}

// decodeAttrs reads what encode wrote. An unknown format or field gives
// [store.KindUnknownFormat]: to drop it would lose a setting at the next change.
func decodeAttrs(b []byte) (a bucketAttrs, err error) {
	if len(b) == 0 {
		return a, nil
	}
	if b[0] != attrsFormat {
		return a, unknownAttrs()
	}
	for b = b[1:]; len(b) > 0; {
		tag := b[0]
		var value string
		var ok bool
		if value, b, ok = cutString(b[1:]); !ok {
			return a, corruptAttrs()
		}
		if tag != fieldTags {
			return a, unknownAttrs()
		}
		if a.tags, ok = decodeTags([]byte(value)); !ok {
			return a, corruptAttrs()
		}
	}
	return a, nil
}

func decodeTags(b []byte) (tags []machine.Pair, ok bool) {
	for len(b) > 0 {
		var t machine.Pair
		if t.Name, b, ok = cutString(b); !ok {
			return nil, false
		}
		if t.Value, b, ok = cutString(b); !ok {
			return nil, false
		}
		tags = append(tags, t)
	}
	return tags, true
}

func appendString(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

func cutString(b []byte) (s string, rest []byte, ok bool) {
	n, w := binary.Uvarint(b)
	if w <= 0 || n > uint64(len(b)-w) {
		return "", nil, false
	}
	return string(b[w : w+int(n)]), b[w+int(n):], true
}

func unknownAttrs() error {
	return &store.Error{Op: "read bucket settings", Kind: store.KindUnknownFormat, Hint: "a newer version wrote them; upgrade this node"}
}

func corruptAttrs() error { return &store.Error{Op: "read bucket settings", Kind: store.KindCorrupt} }
