package leader

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"cairn/node/raftgroup"
	"cairn/placement"
	"cairn/store"
)

func three(context.Context) (Target, error) {
	return Target{Group: 1, Members: []placement.NodeID{1, 2, 3}}, nil
}

func nobodyLeads(context.Context, placement.NodeID, raftgroup.GroupID) (bool, error) {
	return false, nil
}

func moved(reason string) error { return &store.Error{Kind: store.KindMoved, Reason: reason} }

func TestFollowsHintsAndRemembers(t *testing.T) {
	f := newFinder(nobodyLeads)
	var asked []placement.NodeID
	try := func(_ context.Context, to placement.NodeID) error {
		asked = append(asked, to)
		if to != 3 {
			return moved("leader=3")
		}
		return nil
	}
	require.NoError(t, f.Call(context.Background(), three, try))
	require.Len(t, asked, 2)
	asked = nil
	require.NoError(t, f.Call(context.Background(), three, try))
	require.Equal(t, []placement.NodeID{3}, asked)
}

// Every replica is asked when the leader is gone and nobody knows another.
func TestGoesRound(t *testing.T) {
	f := newFinder(nobodyLeads)
	f.learn(1, 2)
	seen := map[placement.NodeID]bool{}
	require.NoError(t, f.Call(context.Background(), three, func(_ context.Context, to placement.NodeID) error {
		seen[to] = true
		if len(seen) < 3 {
			return &store.Error{Kind: store.KindUnavailable}
		}
		return nil
	}))
}

func TestOutcomeAtTheEndOfPatience(t *testing.T) {
	for _, c := range []struct {
		err  error
		want store.ErrKind
	}{
		{&store.Error{Kind: store.KindUnavailable}, store.KindUnavailable},
		{&store.Error{Kind: store.KindTimeout}, store.KindTimeout},
		{errors.New("a bug"), store.KindInternal},
		{&store.Error{Kind: store.KindPrecondition}, store.KindPrecondition},
	} {
		f := newFinder(nobodyLeads)
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Millisecond)
		err := f.Call(ctx, three, func(context.Context, placement.NodeID) error { return c.err })
		cancel()
		require.Equal(t, c.want, store.KindOf(err))
	}
}

// An attempt that may have been executed stays one, even if the map is lost
// before the next.
func TestUnknownOutcomeStaysUnknown(t *testing.T) {
	f := newFinder(nobodyLeads)
	located := 0
	locate := func(ctx context.Context) (Target, error) {
		if located++; located > 1 {
			return Target{}, &store.Error{Kind: store.KindUnavailable}
		}
		return three(ctx)
	}
	err := f.Call(context.Background(), locate, func(context.Context, placement.NodeID) error { return &store.Error{Kind: store.KindTimeout} })
	require.Equal(t, store.KindTimeout, store.KindOf(err))
}

// A leader that hangs is left when another member says that it leads, and not
// before: a slow one is waited for.
func TestHangingLeaderIsLeftForItsSuccessor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		elected := func() bool { return time.Since(began) > 2*time.Second }
		f := newFinder(func(ctx context.Context, node placement.NodeID, _ raftgroup.GroupID) (bool, error) {
			if node == 2 {
				<-ctx.Done() // hangs as well
				return false, ctx.Err()
			}
			return node == 3 && elected(), nil
		})
		f.learn(1, 1)
		var asked []placement.NodeID
		require.NoError(t, f.Call(t.Context(), three, func(ctx context.Context, to placement.NodeID) error {
			asked = append(asked, to)
			if to == 1 {
				<-ctx.Done()
				return ctx.Err()
			}
			return nil
		}))
		require.Equal(t, []placement.NodeID{1, 3}, asked)
		require.Less(t, time.Since(began), 3*time.Second)

		asked = nil
		f.learn(1, 1)
		began = time.Now().Add(time.Hour) // nobody else leads
		require.NoError(t, f.Call(t.Context(), three, func(_ context.Context, to placement.NodeID) error {
			asked = append(asked, to)
			time.Sleep(3 * time.Second)
			return nil
		}))
		require.Equal(t, []placement.NodeID{1}, asked)
	})
}
