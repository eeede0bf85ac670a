package memstore_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"cairn/store"
	"cairn/store/memstore"
	"cairn/store/storetest"
)

func TestConformance(t *testing.T) {
	storetest.Run(t, func(_ testing.TB, m store.Machine) store.Store { return memstore.New(m) })
}

// TestConformanceLostReplies loses replies all the while: commands still take
// effect once.
func TestConformanceLostReplies(t *testing.T) {
	storetest.Run(t, func(_ testing.TB, m store.Machine) store.Store {
		s := memstore.New(m)
		return &memstore.Faulty{Store: s, BeforeDo: func(context.Context, []byte, []byte) error {
			s.LoseReplies(2)
			return nil
		}}
	})
}

// clock is a settable clock.
type clock struct{ t time.Time }

func (c *clock) now() time.Time { return c.t }

// pins is a machine whose one command refers to the blobs it is given, or
// unrefers to them.
type pins struct{ storetest.Machine }

func (pins) Apply(tx store.Txn, _ store.Time, cmd []byte) ([]byte, error) {
	refs, _, err := store.DecodeRefs(cmd[1:])
	if err != nil {
		return nil, err
	}
	for _, r := range refs {
		if cmd[0] == 'u' {
			tx.Unref(r)
			tx.Delete(0x10, r.Blob[:], nil)
			continue
		}
		if err := tx.Ref(r.Blob); err != nil {
			return nil, err
		}
		tx.Put(0x10, r.Blob[:], nil, nil)
	}
	return nil, nil
}

func (pins) References(rd store.Reader, _ []byte, blobs []store.BlobID) ([]bool, error) {
	_, ok, err := rd.Get(0x10, blobs[0][:], nil)
	return []bool{ok}, err
}

func TestBlobLife(t *testing.T) {
	ctx := context.Background()
	c := &clock{time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)}
	s := memstore.New(pins{})
	s.SetClock(c.now)
	ns := store.MakeNS(store.KindObject, 1)
	put := func() store.Placed {
		p, err := s.Put(ctx, store.Owner{NS: ns}, store.ClassStandard, []byte("x"))
		require.NoError(t, err)
		return p
	}
	do := func(op byte, p store.Placed) error {
		_, err := s.Do(ctx, ns, nil, store.AppendRefs([]byte{op}, []store.Ref{p.Ref}), p)
		return err
	}
	used, late, orphan := put(), put(), put()
	require.NoError(t, do('r', used))
	require.Error(t, do('r', used), "a blob is referred to once")
	require.NoError(t, s.Audit())

	c.t = c.t.Add(12 * time.Hour)
	require.True(t, store.Is(do('r', late), store.KindTooOld))
	require.NoError(t, do('u', used))
	require.Error(t, do('u', used), "nothing refers to it any more")
	require.Len(t, s.GC(), 1)

	c.t = c.t.Add(14 * time.Minute)
	n, err := s.Collect()
	require.NoError(t, err)
	require.Zero(t, n)
	c.t = c.t.Add(time.Minute)
	n, err = s.Collect()
	require.NoError(t, err)
	require.Equal(t, 1, n)
	_, err = s.Get(ctx, used.Ref, 0, 1)
	require.True(t, store.Is(err, store.KindNotFound))

	c.t = c.t.Add(12 * time.Hour)
	n, err = s.Collect()
	require.NoError(t, err)
	require.Equal(t, 2, n, "orphans go after a day")
	_, err = s.Get(ctx, orphan.Ref, 0, 1)
	require.True(t, store.Is(err, store.KindNotFound))
}

func TestRanges(t *testing.T) {
	ctx := context.Background()
	s := memstore.New(pins{})
	ns := store.MakeNS(store.KindObject, 1)
	p, err := s.Put(ctx, store.Owner{NS: ns}, store.ClassStandard, []byte("x"))
	require.NoError(t, err)
	s.Split(ns, []byte{0xFF})
	cmd := store.AppendRefs([]byte{'r'}, []store.Ref{p.Ref})
	_, err = s.Do(ctx, ns, []byte{0xFF, 1}, cmd, p)
	require.Error(t, err, "the row is outside the range of the command")
	_, err = s.Do(ctx, ns, []byte{0}, cmd, p)
	require.NoError(t, err)
}

func TestFaulty(t *testing.T) {
	ctx := context.Background()
	lost := errors.New("lost")
	s := memstore.New(pins{})
	ns := store.MakeNS(store.KindObject, 1)
	f := &memstore.Faulty{Store: s, AfterDo: func(context.Context, []byte, []byte) error { return lost }}
	p, err := f.Put(ctx, store.Owner{NS: ns}, store.ClassStandard, []byte("x"))
	require.NoError(t, err)
	_, err = f.Do(ctx, ns, nil, store.AppendRefs([]byte{'r'}, []store.Ref{p.Ref}), p)
	require.ErrorIs(t, err, lost)
	require.Equal(t, 1, s.Stats().Referenced, "the command took effect all the same")

	require.True(t, s.Damage(p.Blob))
	_, err = f.Get(ctx, p.Ref, 0, 1)
	require.True(t, store.Is(err, store.KindCorrupt))
}
