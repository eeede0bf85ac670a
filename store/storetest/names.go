package storetest

import (
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"cairn/store"
)

func (s *suite) testNames(t *testing.T) {
	ctx := deadline(t)
	name := s.unique("name")
	_, err := s.Lookup(ctx, store.NameVolume, name)
	requireKind(t, store.KindNotFound, err)

	made, err := s.CreateName(ctx, store.Name{Kind: store.NameVolume, Name: name, Owner: "alice", Attrs: []byte{1, 0, 2}})
	require.NoError(t, err)
	require.NotZero(t, made.ID)
	require.NotZero(t, made.Created)
	for _, read := range []func() (store.Name, error){
		func() (store.Name, error) { return s.Lookup(ctx, store.NameVolume, name) },
		func() (store.Name, error) { return s.ReadName(ctx, store.NameVolume, name) },
	} {
		got, err := read()
		require.NoError(t, err)
		require.Equal(t, made, got)
	}
	_, err = s.Lookup(ctx, store.NameBucket, name)
	requireKind(t, store.KindNotFound, err)

	have, err := s.CreateName(ctx, store.Name{Kind: store.NameVolume, Name: name, Owner: "bob"})
	requireKind(t, store.KindExists, err)
	require.Equal(t, made, have)

	require.NoError(t, s.DeleteName(ctx, store.NameVolume, name, made.Gen))
	_, err = s.Lookup(ctx, store.NameVolume, name)
	requireKind(t, store.KindNotFound, err)
	again, err := s.CreateName(ctx, store.Name{Kind: store.NameVolume, Name: name})
	require.NoError(t, err)
	require.NotEqual(t, made.ID, again.ID, "ids are never reused")
}

func (s *suite) testNameConflicts(t *testing.T) {
	ctx := deadline(t)
	n, err := s.CreateName(ctx, store.Name{Kind: store.NameUser, Name: s.unique("name"), Owner: "a"})
	require.NoError(t, err)

	first, second := n, n
	first.Owner, first.State, first.Attrs, first.ID = "b", store.NameDeleting, []byte("x"), 0
	updated, err := s.UpdateName(ctx, first)
	require.NoError(t, err)
	require.Equal(t, n.ID, updated.ID)
	require.Equal(t, n.Created, updated.Created)
	require.Equal(t, "b", updated.Owner)
	require.Equal(t, store.NameDeleting, updated.State)
	require.Equal(t, []byte("x"), updated.Attrs)
	require.Greater(t, updated.Gen, n.Gen)

	_, err = s.UpdateName(ctx, second)
	requireKind(t, store.KindConflict, err)
	requireKind(t, store.KindConflict, s.DeleteName(ctx, n.Kind, n.Name, n.Gen))
	got, err := s.Lookup(ctx, n.Kind, n.Name)
	require.NoError(t, err)
	require.Equal(t, updated, got)

	require.NoError(t, s.DeleteName(ctx, n.Kind, n.Name, updated.Gen))
	requireKind(t, store.KindNotFound, s.DeleteName(ctx, n.Kind, n.Name, updated.Gen))
	_, err = s.UpdateName(ctx, updated)
	requireKind(t, store.KindNotFound, err)

	name := s.unique("race")
	var wg sync.WaitGroup
	won := make([]bool, 8)
	for i := range won {
		wg.Go(func() {
			_, err := s.CreateName(ctx, store.Name{Kind: store.NameUser, Name: name})
			won[i] = err == nil
		})
	}
	wg.Wait()
	winners := 0
	for _, w := range won {
		if w {
			winners++
		}
	}
	require.Equal(t, 1, winners)
}

func (s *suite) testNameList(t *testing.T) {
	ctx := deadline(t)
	owner, base := s.unique("owner"), s.unique("list")
	for _, suffix := range []string{"c", "a", "b", "d"} {
		o := owner
		if suffix == "b" {
			o = owner + "-other"
		}
		_, err := s.CreateName(ctx, store.Name{Kind: store.NameFilesystem, Name: base + suffix, Owner: o})
		require.NoError(t, err)
	}
	list := func(owner, after string, limit int) (out []string) {
		names, err := s.ListNames(ctx, store.NameFilesystem, owner, after, limit)
		require.NoError(t, err)
		for _, n := range names {
			out = append(out, n.Name)
		}
		return out
	}
	require.Equal(t, []string{base + "a", base + "c", base + "d"}, list(owner, "", 10))
	require.Equal(t, []string{base + "a", base + "c"}, list(owner, "", 2))
	require.Equal(t, []string{base + "d"}, list(owner, base+"c", 2))
	require.Equal(t, []string{base + "b"}, list("", base+"a", 1))
}
