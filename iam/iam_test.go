package iam

import (
	"testing"

	"github.com/stretchr/testify/require"

	"cairn/store"
	"cairn/store/memstore"
)

func newService(t *testing.T) (*Service, *memstore.Store) {
	st := memstore.New()
	return New(st, [32]byte{1}), st
}

func TestKeyLife(t *testing.T) {
	ctx := t.Context()
	s, st := newService(t)
	alice, err := s.CreateUser(ctx, "alice")
	require.NoError(t, err)
	require.Len(t, alice.CanonicalID, 64)
	_, err = s.CreateUser(ctx, "alice")
	require.True(t, store.Is(err, store.KindExists))

	key, err := s.CreateKey(ctx, "alice")
	require.NoError(t, err)
	require.Len(t, key.ID, 20)
	id, err := s.Authenticate(ctx, key.ID)
	require.NoError(t, err)
	require.Equal(t, &Identity{CanonicalID: alice.CanonicalID, DisplayName: "alice", AccessKey: key.ID, Secret: key.Secret}, id)

	_, err = New(st, [32]byte{2}).Authenticate(ctx, key.ID)
	require.True(t, store.Is(err, store.KindCorrupt), "another cluster key opens nothing")

	keys, err := s.Keys(ctx, "alice")
	require.NoError(t, err)
	require.Len(t, keys, 1)
	require.Empty(t, keys[0].Secret)
	require.NoError(t, s.RemoveKey(ctx, key.ID))
	_, err = s.Authenticate(ctx, key.ID)
	require.True(t, store.Is(err, store.KindNotFound))
}

// TestSecretIsBound moves a sealed secret to another key and to another user of
// the same name: it must open for neither.
func TestSecretIsBound(t *testing.T) {
	ctx := t.Context()
	s, st := newService(t)
	_, err := s.CreateUser(ctx, "alice")
	require.NoError(t, err)
	key, err := s.CreateKey(ctx, "alice")
	require.NoError(t, err)
	row, err := st.ReadName(ctx, store.NameAccessKey, key.ID)
	require.NoError(t, err)

	stolen := row
	stolen.Name = "AKIAOTHER"
	_, err = st.CreateName(ctx, stolen)
	require.NoError(t, err)
	_, err = s.Authenticate(ctx, "AKIAOTHER")
	require.True(t, store.Is(err, store.KindCorrupt))
	require.NoError(t, s.RemoveKey(ctx, "AKIAOTHER"))

	require.NoError(t, s.RemoveUser(ctx, "alice"))
	_, err = s.CreateUser(ctx, "alice")
	require.NoError(t, err)
	_, err = st.CreateName(ctx, row) // as a key made while the user was removed
	require.NoError(t, err)
	_, err = s.Authenticate(ctx, key.ID)
	require.True(t, store.Is(err, store.KindNotFound))
}

func TestRemoveUser(t *testing.T) {
	ctx := t.Context()
	s, st := newService(t)
	alice, err := s.CreateUser(ctx, "alice")
	require.NoError(t, err)
	key, err := s.CreateKey(ctx, "alice")
	require.NoError(t, err)
	bucket, err := st.CreateName(ctx, store.Name{Kind: store.NameBucket, Name: "b", Owner: alice.CanonicalID})
	require.NoError(t, err)
	require.True(t, store.Is(s.RemoveUser(ctx, "alice"), store.KindNotEmpty))

	require.NoError(t, st.DeleteName(ctx, store.NameBucket, "b", bucket.Gen))
	require.NoError(t, s.RemoveUser(ctx, "alice"))
	_, err = s.Authenticate(ctx, key.ID)
	require.True(t, store.Is(err, store.KindNotFound))
	keys, err := s.Keys(ctx, "")
	require.NoError(t, err)
	require.Empty(t, keys)
	users, err := s.Users(ctx)
	require.NoError(t, err)
	require.Empty(t, users)
}

func TestEnsureRoot(t *testing.T) {
	ctx := t.Context()
	s, _ := newService(t)
	require.NoError(t, s.EnsureRoot(ctx, "cairnadmin", "first-secret"))
	require.NoError(t, s.EnsureRoot(ctx, "cairnadmin", "first-secret"))
	require.NoError(t, s.EnsureRoot(ctx, "cairnadmin", "second-secret"))
	id, err := s.Authenticate(ctx, "cairnadmin")
	require.NoError(t, err)
	require.True(t, id.Root())
	require.Equal(t, "second-secret", id.Secret)
	require.True(t, store.Is(s.RemoveUser(ctx, RootUser), store.KindNotEmpty))
}

func TestBadInput(t *testing.T) {
	ctx := t.Context()
	s, _ := newService(t)
	for _, name := range []string{"", "a b", "a/b", string(make([]byte, 65))} {
		_, err := s.CreateUser(ctx, name)
		require.True(t, store.Is(err, store.KindInvalid), "%q", name)
	}
	for _, id := range []string{"", "ab", "a/bc", "a,bc", "a bc", "ab\x00"} {
		_, err := s.AddKey(ctx, "alice", id, "long enough")
		require.True(t, store.Is(err, store.KindInvalid), "%q", id)
		_, err = s.Authenticate(ctx, id)
		require.True(t, store.Is(err, store.KindNotFound), "%q", id)
	}
}
