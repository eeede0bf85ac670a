package machine

import (
	"slices"

	"cairn/store"
)

// ShareSnapshot changes who may make volumes of a snapshot. Reset comes first,
// then Remove, then Add.
type ShareSnapshot struct {
	Snapshot    SnapshotID
	Reset       bool
	Add, Remove []string
	Public      *bool
}

func (x *ShareSnapshot) wire(c *coder) {
	num32(c, &x.Snapshot)
	c.bool(&x.Reset)
	list(c, &x.Add, MaxShares, func(u *string) { c.str(u, maxName) })
	list(c, &x.Remove, MaxShares, func(u *string) { c.str(u, maxName) })
	c.maybe(&x.Public)
}

func (x *ShareSnapshot) apply(c *change) (wirer, error) {
	s, err := c.snapshot(x.Snapshot)
	if err != nil {
		return nil, err
	}
	gives := len(x.Add) > 0 || x.Public != nil && *x.Public
	switch {
	case s.State == SnapshotRecoverable:
		return nil, refuse(store.KindConflict, ReasonState, "it is in the recycle bin", "%v", x.Snapshot)
	case gives && !s.Tier.Readable():
		return nil, refuse(store.KindConflict, ReasonArchived, "restore it first", "%v", x.Snapshot)
	case gives && s.Encryption.Default:
		return nil, refuse(store.KindInvalid, ReasonEncryption, "copy it with a key of your own first", "%v", x.Snapshot)
	case x.Public != nil && *x.Public && s.Encryption.On():
		return nil, refuse(store.KindInvalid, ReasonEncryption, "an encrypted snapshot is never public", "%v", x.Snapshot)
	}
	if x.Reset {
		s.Public, s.Users = false, nil
	}
	users := slices.DeleteFunc(s.Users, func(u string) bool { return slices.Contains(x.Remove, u) })
	users = append(users, x.Add...)
	slices.Sort(users)
	s.Users = slices.Compact(users)
	if len(s.Users) > MaxShares {
		return nil, refuse(store.KindTooLarge, ReasonLimit, "at most 500 users", "%v", x.Snapshot)
	}
	if x.Public != nil {
		s.Public = *x.Public
	}
	c.putSnapshot(s)
	return nil, nil
}

// Retag sets and removes tags of a volume or a snapshot.
type Retag struct {
	Branch   Branch
	Snapshot SnapshotID // if Branch is 0
	Set      []Tag      // replaces tags of the same key
	Remove   []string   // keys
}

func (x *Retag) wire(c *coder) {
	num32(c, &x.Branch)
	num32(c, &x.Snapshot)
	c.tags(&x.Set)
	list(c, &x.Remove, 4*MaxTags, func(k *string) { c.str(k, maxText) })
}

func (x *Retag) apply(c *change) (wirer, error) {
	if x.Branch == 0 {
		s, err := c.snapshot(x.Snapshot)
		if err != nil {
			return nil, err
		}
		s.Tags, err = x.tagged(s.Tags)
		c.putSnapshot(s)
		return nil, err
	}
	if _, err := c.head(x.Branch); err != nil {
		return nil, err
	}
	vol, err := c.volume(x.Branch)
	if err != nil {
		return nil, err
	}
	vol.Tags, err = x.tagged(vol.Tags)
	c.putVolume(x.Branch, vol)
	return nil, err
}

func (x *Retag) tagged(old []Tag) ([]Tag, error) {
	set := func(key string) bool {
		return slices.ContainsFunc(x.Set, func(t Tag) bool { return t.Key == key })
	}
	tags := slices.DeleteFunc(old, func(t Tag) bool { return set(t.Key) || slices.Contains(x.Remove, t.Key) })
	tags = append(tags, x.Set...)
	return tags, checkTags(tags)
}
