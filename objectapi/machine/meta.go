package machine

import (
	"unicode/utf8"

	"cairn/store"
)

// tlv is the tag of an optional field of a row. Fields are u8 tag, uvarint
// length, value, in ascending order of their tags; an unknown tag makes the
// row of an unknown format, for to drop it would lose what it says. Numbers
// are stored.
type tlv uint8

const (
	tlvContentType        tlv = 1
	tlvCacheControl       tlv = 2
	tlvContentDisposition tlv = 3
	tlvContentEncoding    tlv = 4
	tlvContentLanguage    tlv = 5
	tlvExpires            tlv = 6
	tlvRedirect           tlv = 7
	tlvUser               tlv = 8
	tlvTags               tlv = 9
	tlvOwner              tlv = 10
	tlvStorageClass       tlv = 11
	tlvOverride           tlv = 12
	tlvChecksum           tlv = 13
	tlvEncryption         tlv = 14 // kept for server-side encryption
)

// texts pairs the tags of plain strings with their fields.
func (m *Meta) texts() [7]struct {
	tag   tlv
	field *string
} {
	return [7]struct {
		tag   tlv
		field *string
	}{
		{tlvContentType, &m.ContentType},
		{tlvCacheControl, &m.CacheControl},
		{tlvContentDisposition, &m.ContentDisposition},
		{tlvContentEncoding, &m.ContentEncoding},
		{tlvContentLanguage, &m.ContentLanguage},
		{tlvExpires, &m.Expires},
		{tlvRedirect, &m.Redirect},
	}
}

func (e *encoder) text(t tlv, v string) {
	if v != "" {
		e.u8(uint8(t))
		e.str(v)
	}
}

func (e *encoder) pairsField(t tlv, ps []Pair) {
	if len(ps) > 0 {
		var inner encoder
		inner.pairs(ps)
		e.u8(uint8(t))
		e.bytes(inner.b)
	}
}

// meta writes the fields of m that are set. Class is not among them: it has a
// fixed place.
func (e *encoder) meta(m *Meta) {
	for _, t := range m.texts() {
		e.text(t.tag, *t.field)
	}
	e.pairsField(tlvUser, m.User)
	e.pairsField(tlvTags, m.Tags)
	e.text(tlvOwner, m.Owner)
	e.text(tlvStorageClass, m.StorageClass)
}

// fields reads optional fields to the end of d, giving those that are not of m
// to other, which reports whether it knows them.
func (d *decoder) fields(m *Meta, other func(tlv, []byte) bool) {
	d.eachField(func(tag tlv, value []byte) bool {
		return m.field(tag, value, &d.bad) || other(tag, value)
	})
}

// eachField reads optional fields to the end of d. know reports whether it knows
// one.
func (d *decoder) eachField(know func(tlv, []byte) bool) {
	last := tlv(0)
	for len(d.b) > 0 {
		tag, value := tlv(d.u8()), d.bytes()
		if d.bad || tag <= last {
			d.bad = true
			return
		}
		last = tag
		if !know(tag, value) && !d.bad {
			d.unknown(uint8(tag))
			return
		}
	}
}

// field sets the field of tag; ok is false if it is not one of m.
func (m *Meta) field(tag tlv, value []byte, bad *bool) (ok bool) {
	if tag >= tlvContentType && tag <= tlvRedirect {
		*m.texts()[tag-tlvContentType].field = string(value)
		return true
	}
	switch tag {
	case tlvUser:
		m.User = decodePairs(value, bad)
	case tlvTags:
		m.Tags = decodePairs(value, bad)
	case tlvOwner:
		m.Owner = string(value)
	case tlvStorageClass:
		m.StorageClass = string(value)
	default:
		return false
	}
	return true
}

func decodePairs(b []byte, bad *bool) []Pair {
	d := decoder{b: b}
	ps := d.pairs()
	*bad = *bad || d.bad || len(d.b) > 0
	return ps
}

// check refuses metadata beyond the limits.
func (m *Meta) check(op string, key []byte) error {
	headers, user := 0, 0
	for _, t := range m.texts() {
		headers += len(*t.field)
	}
	for _, p := range m.User {
		user += len(p.Name) + len(p.Value)
	}
	if headers > MaxHeaders || user > MaxUserMeta {
		return fail(op, key, store.KindTooLarge, ReasonMetadata, "")
	}
	if len(m.Owner) > maxName || len(m.StorageClass) > maxName {
		return fail(op, key, store.KindInvalid, ReasonMalformed, "")
	}
	return checkTags(op, key, m.Tags)
}

func checkTags(op string, key []byte, tags []Pair) error {
	bad := func(hint string) error { return fail(op, key, store.KindInvalid, ReasonTags, hint) }
	if len(tags) > MaxTags {
		return bad("an object may have 10 tags")
	}
	for i, t := range tags {
		if n := utf8.RuneCountInString(t.Name); n == 0 || n > MaxTagKey || utf8.RuneCountInString(t.Value) > MaxTagValue {
			return bad("a tag's key has 1 to 128 characters, its value at most 256")
		}
		for _, u := range tags[:i] {
			if u.Name == t.Name {
				return bad("a tag's key may occur once")
			}
		}
	}
	return nil
}
