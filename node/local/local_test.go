package local_test

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"cairn/node/local"
	"cairn/objectapi/machine"
	"cairn/store"
	"cairn/store/storetest"
)

func open(t testing.TB, dir string, m store.Machine) *local.Cell {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	c, err := local.Open(ctx, local.Config{
		Dir: dir, Layout: local.Layout{Zones: 3, Nodes: 2}, Machines: []store.Machine{m},
		Logger: slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelWarn})),
	})
	require.NoError(t, err)
	require.NoError(t, c.WaitReady(ctx))
	return c
}

// TestStore runs the suite of stores on the store that moves between nodes.
func TestStore(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(t testing.TB, m store.Machine) store.Store {
		c := open(t, t.TempDir(), m)
		t.Cleanup(func() { require.NoError(t, c.Close()) })
		return c.Store()
	})
}

// TestFailover kills the node that serves, again and again, under writers: what
// was acknowledged is there afterwards, also after a restart of the whole cell.
func TestFailover(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	c := open(t, dir, machine.New())
	st := c.Store()
	var mu sync.Mutex
	acked := map[string]store.Placed{}
	ctx, cancel := context.WithCancel(context.Background())
	var writers sync.WaitGroup
	for w := range 4 {
		writers.Go(func() {
			for i := 0; ctx.Err() == nil; i++ {
				key := fmt.Sprintf("%d-%d", w, i)
				n, err := st.CreateName(ctx, store.Name{Kind: store.NameBucket, Name: "b" + key, Owner: "o"})
				if err != nil {
					continue // outcome unknown, or no leader for long: no promise was made
				}
				p, err := st.Put(ctx, store.Owner{NS: store.MakeNS(store.KindObject, n.ID), Key: []byte(key)}, store.ClassStandard, []byte(key))
				if err == nil {
					mu.Lock()
					acked[key] = p
					mu.Unlock()
				}
			}
		})
	}
	for _, name := range []string{"a1", "a2", "b1"} {
		before := count(&mu, acked)
		require.Eventually(t, func() bool { return count(&mu, acked) > before }, time.Minute, 5*time.Millisecond)
		require.NoError(t, c.Kill(name))
		require.NoError(t, c.Kill(name), "a second time is no error")
		before = count(&mu, acked)
		require.Eventually(t, func() bool { return count(&mu, acked) > before }, time.Minute, 5*time.Millisecond)
		require.NoError(t, c.Start(name))
	}
	cancel()
	writers.Wait()
	require.NoError(t, c.Close())

	c = open(t, dir, machine.New())
	defer func() { require.NoError(t, c.Close()) }()
	for key, p := range acked {
		_, err := c.Store().ReadName(context.Background(), store.NameBucket, "b"+key)
		require.NoError(t, err, key)
		b, err := c.Store().Get(context.Background(), p.Ref, 0, int(p.Len))
		require.NoError(t, err, key)
		require.Equal(t, key, string(b.Parts()[0]))
		b.Release()
	}
}

func count(mu *sync.Mutex, m map[string]store.Placed) int {
	mu.Lock()
	defer mu.Unlock()
	return len(m)
}

func TestLayoutStays(t *testing.T) {
	t.Parallel()
	for _, bad := range []local.Layout{{0, 2}, {3, 0}, {27, 1}, {3, 21}, {-1, -1}} {
		require.True(t, store.Is(bad.Validate(), store.KindInvalid), "%v", bad)
	}
	dir := t.TempDir()
	_, err := local.ReadLayout(dir)
	require.True(t, store.Is(err, store.KindNotFound))
	c, err := local.Open(context.Background(), local.Config{
		Dir: dir, Layout: local.Layout{Zones: 1, Nodes: 1}, Machines: []store.Machine{machine.New()}, Logger: slog.New(slog.DiscardHandler),
	})
	require.NoError(t, err)
	require.NoError(t, c.Close())
	_, err = local.Open(context.Background(), local.Config{Dir: dir, Layout: local.Layout{Zones: 1, Nodes: 2}, Logger: slog.New(slog.DiscardHandler)})
	require.True(t, store.Is(err, store.KindConflict), "%v", err)
}
