package machine

import (
	"slices"

	"cairn/store"
)

// Attachment is a host that may use a volume.
type Attachment struct {
	Host                string
	Device              string
	At                  store.Time
	DeleteOnTermination bool
}

func (a *Attachment) wire(c *coder) {
	c.str(&a.Host, maxName)
	c.str(&a.Device, maxName)
	c.time(&a.At)
	c.bool(&a.DeleteOnTermination)
}

// Attach lets a host use the volume.
type Attach struct {
	Branch              Branch
	Host, Device        string
	Zone                string // of the host; empty: not to be checked
	DeleteOnTermination bool
}

func (x *Attach) wire(c *coder) {
	num32(c, &x.Branch)
	c.str(&x.Host, maxName)
	c.str(&x.Device, maxName)
	c.str(&x.Zone, maxName)
	c.bool(&x.DeleteOnTermination)
}

func (x *Attach) apply(c *change) (wirer, error) {
	_, vol, err := c.activeVolume(x.Branch)
	if err != nil {
		return nil, err
	}
	switch {
	case x.Host == "":
		return nil, refuse(store.KindInvalid, ReasonAttachment, "name the host", "%v", x.Branch)
	case x.Zone != "" && vol.Zone != "" && x.Zone != vol.Zone:
		return nil, refuse(store.KindInvalid, ReasonZone, "it can be attached in "+vol.Zone, "%v", x.Branch)
	case vol.attached(x.Host) >= 0:
		return nil, refuse(store.KindExists, ReasonAttached, "", "%v at %s", x.Branch, x.Host)
	case len(vol.attachments) > 0 && !vol.MultiAttach:
		return nil, refuse(store.KindConflict, ReasonInUse, "detach it first", "%v", x.Branch)
	case len(vol.attachments) >= MaxAttachments:
		return nil, refuse(store.KindTooLarge, ReasonLimit, "at most 16 attachments", "%v", x.Branch)
	}
	vol.attachments = append(vol.attachments, Attachment{x.Host, x.Device, c.at, x.DeleteOnTermination})
	c.putVolume(x.Branch, vol)
	return nil, nil
}

// attached returns the place of a host among the attachments, -1 if it has none.
func (r *volumeRec) attached(host string) int {
	return slices.IndexFunc(r.attachments, func(a Attachment) bool { return a.Host == host })
}

// Detach ends an attachment. With Force the volume is also taken from its
// owner: the epoch moves on, so that what the owner still has in flight is
// refused, and anyone may claim the volume.
type Detach struct {
	Branch Branch
	Host   string // empty: the only one
	Force  bool
}

func (x *Detach) wire(c *coder) {
	num32(c, &x.Branch)
	c.str(&x.Host, maxName)
	c.bool(&x.Force)
}

func (x *Detach) apply(c *change) (wirer, error) {
	r, vol, err := c.activeVolume(x.Branch)
	if err != nil {
		return nil, err
	}
	i := vol.attached(x.Host)
	if x.Host == "" && len(vol.attachments) == 1 {
		i = 0
	}
	if i < 0 {
		return nil, refuse(store.KindNotFound, ReasonAttachment, "", "%v at %q", x.Branch, x.Host)
	}
	vol.attachments = slices.Delete(vol.attachments, i, i+1)
	c.putVolume(x.Branch, vol)
	if x.Force {
		r.epoch++
		r.owner, r.lease = "", 0
		c.putBranch(x.Branch, r)
	}
	return nil, nil
}

// SetVolume changes what is not nil.
type SetVolume struct {
	Branch       Branch
	AutoEnableIO *bool
	// Impaired says that the volume may have lost data and that I/O waits for
	// somebody to enable it; clearing it does.
	Impaired *bool
	// Host, if not empty, is the attachment whose DeleteOnTermination is set.
	Host                string
	DeleteOnTermination bool
}

func (x *SetVolume) wire(c *coder) {
	num32(c, &x.Branch)
	c.maybe(&x.AutoEnableIO)
	c.maybe(&x.Impaired)
	c.str(&x.Host, maxName)
	c.bool(&x.DeleteOnTermination)
}

// maybe codes a flag that may be missing.
func (c *coder) maybe(v **bool) {
	var u uint8
	if *v != nil {
		u = 1
		if **v {
			u = 2
		}
	}
	enum(c, &u, 2)
	if *v = nil; u > 0 {
		yes := u == 2
		*v = &yes
	}
}

func (x *SetVolume) apply(c *change) (wirer, error) {
	_, vol, err := c.activeVolume(x.Branch)
	if err != nil {
		return nil, err
	}
	if x.AutoEnableIO != nil {
		vol.autoEnableIO = *x.AutoEnableIO
	}
	if x.Impaired != nil {
		vol.impaired = *x.Impaired
	}
	if x.Host != "" {
		i := vol.attached(x.Host)
		if i < 0 {
			return nil, refuse(store.KindNotFound, ReasonAttachment, "", "%v at %q", x.Branch, x.Host)
		}
		vol.attachments[i].DeleteOnTermination = x.DeleteOnTermination
	}
	c.putVolume(x.Branch, vol)
	return nil, nil
}
