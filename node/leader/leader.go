package leader

import (
	"context"
	"errors"
	"sync"
	"time"

	"cairn/node/fabric"
	"cairn/node/raftgroup"
	"cairn/placement"
	"cairn/store"
)

// Patience with one replica before the next is tried, and with all of them
// before the caller is told. The second covers an election with room to spare.
const (
	tryTimeout  = 4 * time.Second
	callTimeout = 30 * time.Second
	firstPause  = 10 * time.Millisecond
	maxPause    = 300 * time.Millisecond
)

// Finder remembers who led which group. It is safe for concurrent use.
type Finder struct {
	leads Leads

	mu      sync.Mutex
	leaders map[raftgroup.GroupID]placement.NodeID
}

// New returns a finder that knows no leader yet and asks about them over f.
func New(f fabric.Fabric) *Finder {
	return newFinder(func(ctx context.Context, node placement.NodeID, g raftgroup.GroupID) (bool, error) {
		return raftgroup.AskLeads(ctx, f, node, g)
	})
}

func newFinder(leads Leads) *Finder {
	return &Finder{leads: leads, leaders: map[raftgroup.GroupID]placement.NodeID{}}
}

// Target is a group and its voters as the caller knows them now.
type Target struct {
	Group   raftgroup.GroupID
	Members []placement.NodeID
}

// Call runs try at the leader. locate is asked before every attempt, as a map
// may have changed meanwhile. An error of try of [store.KindMoved],
// [store.KindUnavailable] or [store.KindTimeout] leads to another attempt; any
// other one is returned as it is. At the end of patience the error is
// [store.KindTimeout] if any attempt may have been executed, else
// [store.KindUnavailable].
func (f *Finder) Call(ctx context.Context,
	locate func(context.Context) (Target, error),
	try func(ctx context.Context, to placement.NodeID) error,
) error {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	unknown := false
	pause := firstPause
	for attempt := 0; ; attempt++ {
		t, err := locate(ctx)
		if err != nil && unknown {
			return outOfTime(ctx, unknown, err)
		}
		if err != nil {
			return err
		}
		to := f.pick(t, attempt)
		successor, err := f.attempt(ctx, t, to, try)
		if !retryable(err) {
			if err == nil {
				f.learn(t.Group, to)
			}
			return err
		}
		unknown = unknown || !store.Is(err, store.KindMoved) && !store.Is(err, store.KindUnavailable)
		hinted := f.failed(t.Group, to, err)
		if successor != 0 {
			f.learn(t.Group, successor)
			continue
		}
		if hinted && attempt == 0 {
			continue
		}
		if !sleep(ctx, pause) {
			return outOfTime(ctx, unknown, err)
		}
		pause = min(2*pause, maxPause)
	}
}

func retryable(err error) bool {
	return store.Is(err, store.KindMoved) || store.Is(err, store.KindUnavailable) ||
		store.Is(err, store.KindTimeout) || store.Is(err, store.KindCanceled)
}

// pick returns the last known leader, or the members in turn.
func (f *Finder) pick(t Target, attempt int) placement.NodeID {
	f.mu.Lock()
	defer f.mu.Unlock()
	if l, ok := f.leaders[t.Group]; ok {
		return l
	}
	return t.Members[(attempt+int(t.Group))%len(t.Members)]
}

func (f *Finder) learn(g raftgroup.GroupID, node placement.NodeID) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.leaders[g] = node
}

// failed forgets node as the leader; it reports whether err names another one.
func (f *Finder) failed(g raftgroup.GroupID, node placement.NodeID, err error) bool {
	f.mu.Lock()
	if f.leaders[g] == node {
		delete(f.leaders, g)
	}
	f.mu.Unlock()
	l, ok := raftgroup.LeaderHint(err)
	if !ok || l == node {
		return false
	}
	f.learn(g, l)
	return true
}

func outOfTime(ctx context.Context, unknown bool, last error) error {
	if errors.Is(ctx.Err(), context.Canceled) {
		return ctx.Err()
	}
	kind := store.KindUnavailable
	if unknown {
		kind = store.KindTimeout
	}
	return &store.Error{
		Op: "metadata", Kind: kind, Err: last,
		Hint: "no majority of a metadata group answers; see `cairn status`",
	}
}

func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
