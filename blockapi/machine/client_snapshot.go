package machine

import (
	"context"

	"cairn/store"
)

// CreateSnapshot takes a snapshot of a volume and returns its number.
func (c *Client) CreateSnapshot(ctx context.Context, family store.NS, x *CreateSnapshot) (SnapshotID, error) {
	var r Created
	err := c.do(ctx, family, opCreateSnapshot, x, &r)
	return r.Snapshot, err
}

// StartSnapshot makes a snapshot to put blocks into, and the branch to flush
// them to.
func (c *Client) StartSnapshot(ctx context.Context, family store.NS, x *StartSnapshot) (Created, error) {
	var r Created
	err := c.do(ctx, family, opStartSnapshot, x, &r)
	return r, err
}

// CompleteSnapshot closes a snapshot that was started.
func (c *Client) CompleteSnapshot(ctx context.Context, family store.NS, id SnapshotID) (*Snapshot, error) {
	s := Snapshot{ID: id}
	return &s, c.do(ctx, family, opCompleteSnapshot, &CompleteSnapshot{id}, &s)
}

// CopySnapshot makes another snapshot of the same moment and returns its
// number.
func (c *Client) CopySnapshot(ctx context.Context, family store.NS, x *CopySnapshot) (SnapshotID, error) {
	var r Created
	err := c.do(ctx, family, opCopySnapshot, x, &r)
	return r.Snapshot, err
}

// DeleteSnapshot ends a snapshot, for ever or into the recycle bin. Call Sweep.
func (c *Client) DeleteSnapshot(ctx context.Context, family store.NS, x *DeleteSnapshot) error {
	return c.do(ctx, family, opDeleteSnapshot, x, nil)
}

// ShareSnapshot changes who may make volumes of a snapshot.
func (c *Client) ShareSnapshot(ctx context.Context, family store.NS, x *ShareSnapshot) error {
	return c.do(ctx, family, opShareSnapshot, x, nil)
}

// LockSnapshot locks a snapshot, or changes its lock.
func (c *Client) LockSnapshot(ctx context.Context, family store.NS, x *LockSnapshot) (*Snapshot, error) {
	s := Snapshot{ID: x.Snapshot}
	return &s, c.do(ctx, family, opLockSnapshot, x, &s)
}

// UnlockSnapshot ends a lock that may be ended.
func (c *Client) UnlockSnapshot(ctx context.Context, family store.NS, id SnapshotID) error {
	return c.do(ctx, family, opUnlockSnapshot, &UnlockSnapshot{id}, nil)
}

// SetTier takes a snapshot a step further between the tiers.
func (c *Client) SetTier(ctx context.Context, family store.NS, x *SetTier) (*Snapshot, error) {
	s := Snapshot{ID: x.Snapshot}
	return &s, c.do(ctx, family, opSetTier, x, &s)
}

// Snapshot returns a snapshot.
func (c *Client) Snapshot(ctx context.Context, family store.NS, id SnapshotID) (*Snapshot, error) {
	var p Snapshots
	if err := c.ask(ctx, family, querySnapshot, &askSnapshot{id}, &p); err != nil {
		return nil, err
	}
	if len(p.Snapshots) != 1 {
		return nil, &store.Error{Op: "read snapshot", Kind: store.KindInternal, Resource: id.String()}
	}
	return &p.Snapshots[0], nil
}

// Snapshots returns up to max snapshots behind one, of a volume or, if b is 0,
// of the family. A page may be empty and yet not be the last.
func (c *Client) Snapshots(ctx context.Context, family store.NS, b Branch, after SnapshotID, max int) (*Snapshots, error) {
	if err := checkPage(max); err != nil {
		return nil, err
	}
	var p Snapshots
	return &p, c.ask(ctx, family, querySnapshots, &askSnapshots{b, after, uint32(max)}, &p)
}

// UniqueBytes returns how many bytes only the target names: what its deletion
// would free. It is added up in several queries, each on a state of its own.
func (c *Client) UniqueBytes(ctx context.Context, family store.NS, t Target) (int64, error) {
	q := askUnique{Target: t}
	for sum := uint64(0); ; {
		var u Unique
		if err := c.ask(ctx, family, queryUnique, &q, &u); err != nil {
			return 0, err
		}
		sum += u.Pages
		if !u.More {
			return int64(sum) * PageSize, nil
		}
		q.At = u.Next
	}
}
