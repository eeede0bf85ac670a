package machine

import (
	"unicode/utf8"

	"cairn/store"
)

// Tag is a name and a value.
type Tag struct{ Key, Value string }

// Encryption is how a volume's or snapshot's pages are encrypted. The zero
// value is not at all. All volumes that share pages share the data key.
type Encryption struct {
	KeyID   string // of the key that wraps the data key; empty: not encrypted
	Wrapped []byte // the data key, opaque here
	Default bool   // KeyID is the account's default key; what it protects is not shared
}

// On reports whether there is encryption.
func (e *Encryption) On() bool { return e.KeyID != "" }

// Attributes is what the creator of a volume says of it.
type Attributes struct {
	Spec
	Zone       string // where it may be attached; empty: anywhere
	Encryption Encryption
	Tags       []Tag
}

// volumeRec is a volume but for its moving part.
//
// Format 1: u8 format | attributes | u64 created ms | u32 source snapshot |
// attachments | modification | starts of modifications | u8 auto-enable I/O |
// u8 impaired | u64 kept in the recycle bin until | 16 B token.
type volumeRec struct {
	Attributes
	created      store.Time
	source       SnapshotID
	attachments  []Attachment
	modification Modification
	modified     []store.Time // starts of the last few, oldest first
	autoEnableIO bool
	impaired     bool
	until        store.Time
	token        tokenHash
}

func (r *volumeRec) wire(c *coder) {
	r.Attributes.wire(c)
	c.time(&r.created)
	num32(c, &r.source)
	list(c, &r.attachments, MaxAttachments, func(a *Attachment) { a.wire(c) })
	r.modification.wire(c)
	list(c, &r.modified, modificationsPerDay, c.time)
	c.bool(&r.autoEnableIO)
	c.bool(&r.impaired)
	c.time(&r.until)
	r.token.wire(c)
}

func (a *Attributes) wire(c *coder) {
	a.Spec.wire(c)
	c.str(&a.Zone, maxName)
	a.Encryption.wire(c)
	c.tags(&a.Tags)
}

func (e *Encryption) wire(c *coder) {
	c.str(&e.KeyID, maxName)
	c.bytes(&e.Wrapped, maxWrapped)
	c.bool(&e.Default)
}

// tags codes more tags than are allowed, so that they can be refused as such.
func (c *coder) tags(ts *[]Tag) {
	list(c, ts, 4*MaxTags, func(t *Tag) {
		c.str(&t.Key, maxText)
		c.str(&t.Value, maxText)
	})
}

func checkTags(ts []Tag) error {
	if len(ts) > MaxTags {
		return refuse(store.KindTooLarge, ReasonTags, "at most 50 tags", "tags")
	}
	seen := make(map[string]bool, len(ts))
	for _, t := range ts {
		n := utf8.RuneCountInString(t.Key)
		if n == 0 || n > MaxTagKey || utf8.RuneCountInString(t.Value) > MaxTagValue || seen[t.Key] {
			return refuse(store.KindInvalid, ReasonTags, "", "tag %q", t.Key)
		}
		seen[t.Key] = true
	}
	return nil
}

// volume reads a volume's attributes; one that is deleted has none.
func (v view) volume(b Branch) (*volumeRec, error) {
	r, err := load[volumeRec](v, colVolume, b.suffix(), "volume row")
	if err == nil && r == nil {
		err = noVolume(b)
	}
	return r, err
}

func (c *change) putVolume(b Branch, r *volumeRec) { c.put(colVolume, b.suffix(), r) }

// activeVolume reads both rows of a volume that can be used.
func (v view) activeVolume(b Branch) (*branchRec, *volumeRec, error) {
	r, err := v.active(b)
	if err != nil {
		return nil, nil, err
	}
	vol, err := v.volume(b)
	return r, vol, err
}
