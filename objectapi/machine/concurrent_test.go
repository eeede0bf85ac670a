package machine

import (
	"context"
	"fmt"
	"strconv"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"cairn/store"
	"cairn/store/memstore"
)

// TestConcurrentConditions counts up in an object with If-Match from many
// goroutines, and lets them race for names with If-None-Match.
func TestConcurrentConditions(t *testing.T) {
	e := newEnv(t, 1)
	e.put("counter", "0")
	const writers, each = 6, 20
	wins := make([]int, writers)
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for i := 0; i < each; {
				o, data, err := e.read("counter", Whole)
				if err != nil {
					t.Error(err)
					return
				}
				n, _ := strconv.Atoi(data)
				p := e.object("counter", strconv.Itoa(n+1))
				p.Cond.ETag = o.ETag()
				if _, err = e.c.Put(ctx, e.ns, "counter", p); err == nil {
					i++
				} else if store.ReasonOf(err) != ReasonETag {
					t.Error(err)
					return
				}
			}
			for i := range each {
				p := e.object(fmt.Sprint("race", i), "x", 1)
				p.Cond.Absent = true
				if _, err := e.c.Put(ctx, e.ns, fmt.Sprint("race", i), p); err == nil {
					wins[w]++
				}
			}
		})
	}
	wg.Wait()
	_, data, err := e.read("counter", Whole)
	require.NoError(t, err)
	require.Equal(t, strconv.Itoa(writers*each), data)
	total := 0
	for _, n := range wins {
		total += n
	}
	require.Equal(t, each, total)
	require.NoError(t, e.s.Audit())
}

// TestLostReply loses the reply of every command on its way to a client that
// gives up: the object is there, and repeating Complete succeeds.
func TestLostReply(t *testing.T) {
	e := newEnv(t, 1)
	lost := &store.Error{Op: "do", Kind: store.KindTimeout}
	f := &memstore.Faulty{Store: e.s, AfterDo: func(context.Context, []byte, []byte) error { return lost }}
	unlucky := NewClient(f)

	p := e.object("k", "data", 1)
	_, err := unlucky.Put(ctx, e.ns, "k", p)
	require.ErrorIs(t, err, lost)
	_, data, err := e.read("k", Whole)
	require.NoError(t, err)
	require.Equal(t, "data", data)
	_, err = e.c.Put(ctx, e.ns, "k", p)
	require.Error(t, err, "blobs whose fate is unknown are refused")

	id, list := e.upload("m", "one", "two")
	_, err = unlucky.Complete(ctx, e.ns, "m", id, &Complete{Parts: list})
	require.ErrorIs(t, err, lost)
	info, err := e.c.Complete(ctx, e.ns, "m", id, &Complete{Parts: list, Cond: Cond{Absent: true}})
	require.NoError(t, err)
	require.False(t, info.Replaced)
	_, err = e.c.Complete(ctx, e.ns, "m", id, &Complete{Parts: list[:1]})
	requireFails(t, err, store.KindNotFound, ReasonUpload)
	e.now = e.now.Add(25 * 3600e9)
	_, err = e.c.Complete(ctx, e.ns, "m", id, &Complete{Parts: list})
	requireFails(t, err, store.KindNotFound, ReasonUpload)
	require.NoError(t, e.s.Audit())
}

// TestOldBlob checks that a write which took half a day has no effect.
func TestOldBlob(t *testing.T) {
	e := newEnv(t, 1)
	p := e.object("k", "data", 1)
	e.now = e.now.Add(12 * 3600e9)
	_, err := e.c.Put(ctx, e.ns, "k", p)
	require.True(t, store.Is(err, store.KindTooOld))
	_, err = e.c.Head(ctx, e.ns, "k")
	requireFails(t, err, store.KindNotFound, ReasonKey)
}

// history records what reaches the store, to be run again.
type history struct {
	store.Store
	run     []func(store.Store) ([]byte, error)
	replies []string
}

func (h *history) record(step func(store.Store) ([]byte, error)) ([]byte, error) {
	h.run = append(h.run, step)
	reply, err := step(h.Store)
	h.replies = append(h.replies, fmt.Sprintf("%x %v", reply, err))
	return reply, err
}

func (h *history) Do(ctx context.Context, ns store.NS, key, cmd []byte, placed ...store.Placed) ([]byte, error) {
	return h.record(func(s store.Store) ([]byte, error) { return s.Do(ctx, ns, key, cmd, placed...) })
}

func (h *history) Ask(ctx context.Context, ns store.NS, key, query []byte) ([]byte, error) {
	return h.record(func(s store.Store) ([]byte, error) { return s.Ask(ctx, ns, key, query) })
}

// TestDeterminism runs one history of commands on two machines: every reply,
// the listings of all rows among them, is the same.
func TestDeterminism(t *testing.T) {
	e := newEnv(t, 1)
	h := &history{Store: e.s}
	e.c = NewClient(h)
	again := newEnv(t, 1)
	for i := range 20 {
		key := fmt.Sprint("k", i%3)
		e.put(key, fmt.Sprint("inline ", i))
		id, err := e.c.CreateUpload(ctx, e.ns, key, &Upload{Meta: testMeta})
		require.NoError(t, err)
		var list []CompletePart
		for n := 1; n < 40; n++ {
			list = append(list, e.putPart(key, id, n, fmt.Sprint("part ", n)))
		}
		_, err = e.c.Complete(ctx, e.ns, key, id, &Complete{Parts: list[i:]})
		require.NoError(t, err)
		_, _, err = e.read(key, Whole)
		require.NoError(t, err)
		_, err = e.c.List(ctx, e.ns, List{Max: 10})
		require.NoError(t, err)
	}
	for i, step := range h.run {
		reply, err := step(again.s)
		require.Equal(t, h.replies[i], fmt.Sprintf("%x %v", reply, err))
	}
	require.Equal(t, e.s.Stats().Rows, again.s.Stats().Rows)
}
