package machine

import "cairn/store"

// LockMode is how strongly a snapshot is locked. Numbers are stored.
type LockMode uint8

// The modes.
const (
	LockNone       LockMode = 0
	LockGovernance LockMode = 1 // may be changed and ended at any time
	LockCompliance LockMode = 2 // may only be extended, once its cool-off is over
)

const (
	// MaxLockDays is the longest lock, in days.
	MaxLockDays = 36_500
	// MaxCoolOff is the longest cool-off, in hours.
	MaxCoolOff = 72

	hour = store.Time(3600_000)
)

// Lock keeps a snapshot from being deleted until it expires.
type Lock struct {
	Mode    LockMode
	Created store.Time
	CoolOff store.Time // the end of the cool-off; 0: there was none
	Expires store.Time
}

func (l *Lock) wire(c *coder) {
	enum(c, &l.Mode, LockCompliance)
	if l.Mode == LockNone {
		return
	}
	c.time(&l.Created)
	c.time(&l.CoolOff)
	c.time(&l.Expires)
}

// Holds reports whether the lock is in force.
func (l *Lock) Holds(at store.Time) bool { return l.Mode != LockNone && at < l.Expires }

// Cooling reports whether a compliance lock is in its cool-off.
func (l *Lock) Cooling(at store.Time) bool {
	return l.Mode == LockCompliance && l.Holds(at) && at < l.CoolOff
}

// fixed reports whether the lock may only be extended.
func (l *Lock) fixed(at store.Time) bool {
	return l.Mode == LockCompliance && l.Holds(at) && !l.Cooling(at)
}

// State returns what the EC2 API calls the lock's state; empty without a lock.
func (l *Lock) State(at store.Time) string {
	switch {
	case l.Mode == LockNone:
		return ""
	case !l.Holds(at):
		return "expired"
	case l.Mode == LockGovernance:
		return "governance"
	case l.Cooling(at):
		return "compliance-cooloff"
	}
	return "compliance"
}

// LockSnapshot locks a snapshot, or changes its lock.
type LockSnapshot struct {
	Snapshot SnapshotID
	Mode     LockMode
	CoolOff  uint32     // hours; of compliance locks
	Days     uint32     // how long, or
	Expires  store.Time // until when
}

func (x *LockSnapshot) wire(c *coder) {
	num32(c, &x.Snapshot)
	enum(c, &x.Mode, LockCompliance)
	c.u32(&x.CoolOff)
	c.u32(&x.Days)
	c.time(&x.Expires)
}

func (x *LockSnapshot) apply(c *change) (wirer, error) {
	s, err := c.snapshot(x.Snapshot)
	if err != nil {
		return nil, err
	}
	if s.State == SnapshotRecoverable {
		return nil, refuse(store.KindConflict, ReasonState, "it is in the recycle bin", "%v", x.Snapshot)
	}
	l, err := x.lock(c.at)
	if err != nil {
		return nil, err
	}
	if s.Lock.fixed(c.at) {
		if l.Mode != LockCompliance || l.CoolOff != 0 || l.Expires < s.Lock.Expires {
			return nil, refuse(store.KindInvalid, ReasonLock, "a compliance lock can only be extended", "%v", x.Snapshot)
		}
		l.Created, l.CoolOff = s.Lock.Created, s.Lock.CoolOff
	}
	s.Lock = l
	c.putSnapshot(s)
	return s, nil
}

// lock returns the lock that is asked for.
func (x *LockSnapshot) lock(at store.Time) (Lock, error) {
	bad := func(hint string) (Lock, error) {
		return Lock{}, refuse(store.KindInvalid, ReasonLock, hint, "%v", x.Snapshot)
	}
	l := Lock{Mode: x.Mode, Created: at, Expires: x.Expires}
	if x.Days > 0 {
		l.Expires = at + store.Time(x.Days)*day
	}
	switch {
	case x.Mode == LockNone || x.CoolOff > 0 && x.Mode != LockCompliance:
		return bad("governance, or compliance with or without a cool-off")
	case x.CoolOff > MaxCoolOff:
		return bad("a cool-off has 1 to 72 hours")
	case x.Days > 0 && x.Expires > 0 || l.Expires <= at || l.Expires > at+MaxLockDays*day:
		return bad("1 to 36,500 days, or a date within them")
	}
	if x.CoolOff > 0 {
		l.CoolOff = at + store.Time(x.CoolOff)*hour
	}
	return l, nil
}

// UnlockSnapshot ends a governance lock, or a compliance lock in its cool-off.
type UnlockSnapshot struct{ Snapshot SnapshotID }

func (x *UnlockSnapshot) wire(c *coder) { num32(c, &x.Snapshot) }

func (x *UnlockSnapshot) apply(c *change) (wirer, error) {
	s, err := c.snapshot(x.Snapshot)
	switch {
	case err != nil:
		return nil, err
	case !s.Lock.Holds(c.at):
		return nil, refuse(store.KindNotFound, ReasonLock, "", "%v", x.Snapshot)
	case s.Lock.fixed(c.at):
		return nil, refuse(store.KindConflict, ReasonLocked, "its cool-off is over", "%v", x.Snapshot)
	}
	s.Lock = Lock{}
	c.putSnapshot(s)
	return nil, nil
}
