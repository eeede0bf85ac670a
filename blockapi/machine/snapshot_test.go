package machine

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"cairn/store"
)

// TestSnapshotLock has the three kinds of locks and their ends.
func TestSnapshotLock(t *testing.T) {
	e := newEnv(t)
	b := e.create(1)
	lock := func(x LockSnapshot) (string, error) {
		s, err := e.c.LockSnapshot(ctx, e.ns, &x)
		return s.Lock.State(store.TimeOf(e.now)), err
	}
	remove := func(id SnapshotID) error { return e.c.DeleteSnapshot(ctx, e.ns, &DeleteSnapshot{Snapshot: id}) }

	id := e.snapshot(b)
	requireFails(t, e.c.UnlockSnapshot(ctx, e.ns, id), store.KindNotFound, ReasonLock)
	for _, bad := range []LockSnapshot{
		{Mode: LockNone, Days: 1}, {Mode: LockGovernance}, {Mode: LockGovernance, Days: 36_501}, {Mode: LockGovernance, Days: 1, CoolOff: 1},
		{Mode: LockCompliance, Days: 1, CoolOff: 73}, {Mode: LockGovernance, Expires: 1},
	} {
		bad.Snapshot = id
		_, err := lock(bad)
		requireFails(t, err, store.KindInvalid, ReasonLock)
	}
	state, err := lock(LockSnapshot{Snapshot: id, Mode: LockGovernance, Days: 2})
	require.NoError(t, err)
	require.Equal(t, "governance", state)
	requireFails(t, remove(id), store.KindConflict, ReasonLocked)
	_, err = lock(LockSnapshot{Snapshot: id, Mode: LockGovernance, Days: 1})
	require.NoError(t, err)
	require.NoError(t, e.c.UnlockSnapshot(ctx, e.ns, id))

	state, err = lock(LockSnapshot{Snapshot: id, Mode: LockCompliance, Days: 2, CoolOff: 1})
	require.NoError(t, err)
	require.Equal(t, "compliance-cooloff", state)
	requireFails(t, remove(id), store.KindConflict, ReasonLocked)
	e.now = e.now.Add(time.Hour)
	requireFails(t, e.c.UnlockSnapshot(ctx, e.ns, id), store.KindConflict, ReasonLocked)
	_, err = lock(LockSnapshot{Snapshot: id, Mode: LockCompliance, Days: 1})
	requireFails(t, err, store.KindInvalid, ReasonLock)
	_, err = lock(LockSnapshot{Snapshot: id, Mode: LockGovernance, Days: 20})
	requireFails(t, err, store.KindInvalid, ReasonLock)
	state, err = lock(LockSnapshot{Snapshot: id, Mode: LockCompliance, Days: 3})
	require.NoError(t, err)
	require.Equal(t, "compliance", state)
	e.now = e.now.Add(72 * time.Hour)
	s, err := e.c.Snapshot(ctx, e.ns, id)
	require.NoError(t, err)
	require.Equal(t, "expired", s.Lock.State(store.TimeOf(e.now)))
	require.NoError(t, remove(id))
}

// TestRecycleBin deletes a snapshot and a volume into the bin, takes them out,
// and lets them expire.
func TestRecycleBin(t *testing.T) {
	e := newEnv(t)
	b := e.create(1)
	e.flush(b, at{0, 0})
	id := e.snapshot(b)
	e.flush(b, at{0, 0})
	require.NoError(t, e.c.ShareSnapshot(ctx, e.ns, &ShareSnapshot{Snapshot: id, Add: []string{"u"}}))
	require.NoError(t, e.c.DeleteSnapshot(ctx, e.ns, &DeleteSnapshot{Snapshot: id, Retain: 2}))
	_, err := e.c.CreateVolume(ctx, e.ns, &CreateVolume{Snapshot: id})
	requireFails(t, err, store.KindConflict, ReasonState)
	requireFails(t, e.c.DeleteSnapshot(ctx, e.ns, &DeleteSnapshot{Snapshot: id}), store.KindConflict, ReasonRetained)
	e.now = e.now.Add(47 * time.Hour)
	requireFails(t, e.c.Purge(ctx, e.ns, &Purge{Snapshot: id}), store.KindConflict, ReasonRetained)
	require.NoError(t, e.c.Restore(ctx, e.ns, &Restore{Snapshot: id}))
	s, err := e.c.Snapshot(ctx, e.ns, id)
	require.NoError(t, err)
	require.Empty(t, s.Users)
	require.Len(t, e.read(Target{Snapshot: id}), 1)

	require.NoError(t, e.c.Renew(ctx, e.ns, &Renew{Branch: b, Epoch: e.volume(b).Epoch}))
	require.NoError(t, e.c.DeleteVolume(ctx, e.ns, &DeleteVolume{Branch: b, Retain: 1}))
	_, err = e.c.PageMap(ctx, e.ns, Target{Branch: b}, 0, 1)
	requireFails(t, err, store.KindConflict, ReasonState)
	require.NoError(t, e.c.Restore(ctx, e.ns, &Restore{Branch: b}))
	require.Len(t, e.read(Target{Branch: b}), 1)
	require.NoError(t, e.c.DeleteVolume(ctx, e.ns, &DeleteVolume{Branch: b, Retain: 1}))
	require.NoError(t, e.c.DeleteSnapshot(ctx, e.ns, &DeleteSnapshot{Snapshot: id, Retain: 1}))
	e.now = e.now.Add(24 * time.Hour)
	require.NoError(t, e.c.Purge(ctx, e.ns, &Purge{Branch: b}))
	require.NoError(t, e.c.Purge(ctx, e.ns, &Purge{Snapshot: id}))
	require.Equal(t, 2, e.sweep())
	require.Equal(t, 1, e.s.Stats().Rows)
}

// TestArchive takes a snapshot through the tiers.
func TestArchive(t *testing.T) {
	e := newEnv(t)
	id := e.snapshot(e.create(1))
	step := func(status TierStatus, days uint32) error {
		_, err := e.c.SetTier(ctx, e.ns, &SetTier{id, status, days})
		return err
	}
	requireFails(t, step(ArchivalCompleted, 0), store.KindConflict, ReasonState)
	require.NoError(t, step(ArchivalInProgress, 0))
	e.clone(id)
	require.NoError(t, step(ArchivalCompleted, 0))
	_, err := e.c.CreateVolume(ctx, e.ns, &CreateVolume{Snapshot: id})
	requireFails(t, err, store.KindConflict, ReasonArchived)
	_, err = e.c.CopySnapshot(ctx, e.ns, &CopySnapshot{Source: id})
	requireFails(t, err, store.KindConflict, ReasonArchived)
	err = e.c.ShareSnapshot(ctx, e.ns, &ShareSnapshot{Snapshot: id, Add: []string{"u"}})
	requireFails(t, err, store.KindConflict, ReasonArchived)

	requireFails(t, step(TemporaryInProgress, 181), store.KindInvalid, ReasonArchived)
	require.NoError(t, step(TemporaryInProgress, 1))
	require.NoError(t, step(TemporaryCompleted, 0))
	e.clone(id)
	requireFails(t, step(ArchivalCompleted, 0), store.KindConflict, ReasonRetained)
	e.now = e.now.Add(24 * time.Hour)
	require.NoError(t, step(ArchivalCompleted, 0))
	require.NoError(t, step(PermanentInProgress, 0))
	require.NoError(t, step(PermanentCompleted, 0))
	s, err := e.c.Snapshot(ctx, e.ns, id)
	require.NoError(t, err)
	require.True(t, s.Tier.Standard())
}

// TestSharing has who may not share what.
func TestSharing(t *testing.T) {
	e := newEnv(t)
	share := func(key Encryption, x ShareSnapshot) error {
		b, err := e.c.CreateVolume(ctx, e.ns, &CreateVolume{Attributes: Attributes{Spec: Spec{Size: 1}, Encryption: key}})
		require.NoError(t, err)
		x.Snapshot = e.snapshot(b)
		return e.c.ShareSnapshot(ctx, e.ns, &x)
	}
	own, standard := Encryption{KeyID: "own"}, Encryption{KeyID: "aws/ebs", Default: true}
	public, user := ShareSnapshot{Public: &yes}, ShareSnapshot{Add: []string{"b", "a", "b"}, Remove: []string{"c"}}
	require.NoError(t, share(Encryption{}, public))
	require.NoError(t, share(own, user))
	requireFails(t, share(own, public), store.KindInvalid, ReasonEncryption)
	requireFails(t, share(standard, user), store.KindInvalid, ReasonEncryption)
	p, err := e.c.Snapshots(ctx, e.ns, 2, 0, 10)
	require.NoError(t, err)
	require.Equal(t, []string{"a", "b"}, p.Snapshots[0].Users)

	// A clone shares the data key, or has none.
	_, err = e.c.CreateVolume(ctx, e.ns, &CreateVolume{Snapshot: p.Snapshots[0].ID})
	requireFails(t, err, store.KindInvalid, ReasonEncryption)
	_, err = e.c.CopySnapshot(ctx, e.ns, &CopySnapshot{Source: 1, Encryption: own})
	requireFails(t, err, store.KindInvalid, ReasonEncryption)
}

// TestTokens repeats creations.
func TestTokens(t *testing.T) {
	e := newEnv(t)
	x := &CreateVolume{Token: "t", Attributes: Attributes{Spec: Spec{Size: 1}, Tags: testTags}}
	b, err := e.c.CreateVolume(ctx, e.ns, x)
	require.NoError(t, err)
	again, err := e.c.CreateVolume(ctx, e.ns, x)
	require.NoError(t, err)
	require.Equal(t, b, again)
	x.Size = 2
	_, err = e.c.CreateVolume(ctx, e.ns, x)
	requireFails(t, err, store.KindConflict, ReasonToken)

	snap := &CreateSnapshot{Token: "t", Branch: b}
	id, err := e.c.CreateSnapshot(ctx, e.ns, snap)
	require.NoError(t, err)
	same, err := e.c.CreateSnapshot(ctx, e.ns, snap)
	require.NoError(t, err)
	require.Equal(t, id, same)
	e.claim(b)
	snap.Epoch, snap.LSN = 1, 5
	same, err = e.c.CreateSnapshot(ctx, e.ns, snap)
	require.NoError(t, err, "the gateway may have found another LSN")
	require.Equal(t, id, same)
	e.deleteSnapshot(id)
	next, err := e.c.CreateSnapshot(ctx, e.ns, snap)
	require.NoError(t, err)
	require.NotEqual(t, id, next, "a token lives as long as what it made")
}

// TestTags has the limits of tags and descriptions.
func TestTags(t *testing.T) {
	e := newEnv(t)
	b := e.create(1)
	id := e.snapshot(b)
	require.NoError(t, e.c.Retag(ctx, e.ns, &Retag{Branch: b, Set: testTags}))
	require.NoError(t, e.c.Retag(ctx, e.ns, &Retag{Branch: b, Set: []Tag{{"empty", "no more"}}, Remove: []string{"Name"}}))
	require.Equal(t, []Tag{{"empty", "no more"}}, e.volume(b).Tags)
	for _, bad := range [][]Tag{{{"", "v"}}, {{"a", "1"}, {"a", "2"}}, {{strings.Repeat("я", 129), ""}}, {{"k", strings.Repeat("я", 257)}}} {
		requireFails(t, e.c.Retag(ctx, e.ns, &Retag{Snapshot: id, Set: bad}), store.KindInvalid, ReasonTags)
	}
	requireFails(t, e.c.Retag(ctx, e.ns, &Retag{Snapshot: id, Set: make([]Tag, 51)}), store.KindTooLarge, ReasonTags)
	long := SnapshotAttributes{Description: strings.Repeat("я", 256)}
	_, err := e.c.CreateSnapshot(ctx, e.ns, &CreateSnapshot{Branch: b, Epoch: 1, SnapshotAttributes: long})
	requireFails(t, err, store.KindTooLarge, ReasonLimit)
}

// TestPendingSnapshot has a snapshot of what is not flushed: writes behind it
// are not in it, and a flush may not mix the two.
func TestPendingSnapshot(t *testing.T) {
	e := newEnv(t)
	b := e.create(1)
	e.flush(b, at{0, 0})
	id, err := e.c.CreateSnapshot(ctx, e.ns, &CreateSnapshot{Branch: b, Epoch: 1, LSN: 2})
	require.NoError(t, err)
	_, err = e.c.CreateSnapshot(ctx, e.ns, &CreateSnapshot{Branch: b, Epoch: 1, LSN: 1})
	requireFails(t, err, store.KindPrecondition, ReasonGap)
	_, err = e.c.CreateVolume(ctx, e.ns, &CreateVolume{Snapshot: id})
	requireFails(t, err, store.KindConflict, ReasonState)
	f := &Flush{Branch: b, Epoch: 1, From: 1, Upto: 3}
	_, err = e.c.Flush(ctx, e.ns, f)
	requireFails(t, err, store.KindPrecondition, ReasonBarrier)
	e.flush(b, at{0, 1})
	e.flush(b, at{0, 0}, at{0, 2})
	require.Len(t, e.read(Target{Snapshot: id}), 2)
	require.Len(t, e.read(Target{Branch: b}), 3)

	gone, err := e.c.CreateSnapshot(ctx, e.ns, &CreateSnapshot{Branch: b, Epoch: 1, LSN: 9})
	require.NoError(t, err)
	e.deleteSnapshot(gone)
	f.From, f.Upto = 3, 10
	_, err = e.c.Flush(ctx, e.ns, f)
	require.NoError(t, err, "nothing waits at 9 any more")
}
