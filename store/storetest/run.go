package storetest

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"cairn/store"
)

// Open returns an empty store that hosts m. It registers the store's end with
// t.Cleanup.
type Open func(t testing.TB, m store.Machine) store.Store

// Run runs the suite on one store that open returns.
func Run(t *testing.T, open Open) {
	s := &suite{Store: open(t, Machine{})}
	t.Run("names", s.testNames)
	t.Run("names conflict", s.testNameConflicts)
	t.Run("names list", s.testNameList)
	t.Run("rows order", s.testRowOrder)
	t.Run("rows ranges", s.testRanges)
	t.Run("rows transaction", s.testTransaction)
	t.Run("rows failed command", s.testFailedCommand)
	t.Run("rows once", s.testOnce)
	t.Run("rows time", s.testTime)
	t.Run("blobs", s.testBlobs)
	t.Run("blobs refused", s.testBlobsRefused)
	t.Run("blobs buffer", s.testBuffers)
	t.Run("blobs concurrent", s.testBlobsConcurrent)
	t.Run("references", s.testReferences)
}

type suite struct {
	store.Store
	names atomic.Int64
}

// deadline bounds a test; nothing in the suite takes a second.
func deadline(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	t.Cleanup(cancel)
	return ctx
}

// unique returns a name that no other test of the run has.
func (s *suite) unique(what string) string {
	return fmt.Sprintf("storetest-%s-%d", what, s.names.Add(1))
}

// namespace makes a namespace of its own for a test.
func (s *suite) namespace(t *testing.T) store.NS {
	n, err := s.CreateName(deadline(t), store.Name{Kind: store.NameBucket, Name: s.unique("rows"), Owner: "o"})
	require.NoError(t, err)
	return store.MakeNS(store.KindObject, n.ID)
}

func requireKind(t *testing.T, want store.ErrKind, err error) {
	t.Helper()
	require.Error(t, err)
	require.Equal(t, want, store.KindOf(err), "%v", err)
}
