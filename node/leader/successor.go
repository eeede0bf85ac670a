package leader

import (
	"context"
	"time"

	"cairn/node/raftgroup"
	"cairn/placement"
)

// No election is over before the followers have missed their leader for a
// heartbeat timeout, 1 s; so long a try is left alone. Then the others are asked
// every askPause, each with patience of askTimeout.
const (
	doubtAfter = time.Second
	askPause   = 150 * time.Millisecond
	askTimeout = 500 * time.Millisecond
)

// Leads asks a node whether it leads a group; see [raftgroup.AskLeads].
type Leads func(ctx context.Context, node placement.NodeID, g raftgroup.GroupID) (bool, error)

// attempt runs one try at a replica. If it lasts and another member says that it
// leads, the try is cancelled and successor is that member; its outcome is then
// unknown unless it ended by itself.
func (f *Finder) attempt(ctx context.Context, t Target, to placement.NodeID,
	try func(context.Context, placement.NodeID) error,
) (successor placement.NodeID, err error) {
	ctx, cancel := context.WithTimeout(ctx, tryTimeout)
	defer cancel()
	asked := make(chan struct{})
	doubt := time.AfterFunc(doubtAfter, func() {
		defer close(asked)
		if successor = f.successor(ctx, t, to); successor != 0 {
			cancel()
		}
	})
	err = try(ctx, to)
	if !doubt.Stop() {
		cancel()
		<-asked
	}
	return successor, err
}

// successor asks the members but one until any says that it leads, or ctx ends.
func (f *Finder) successor(ctx context.Context, t Target, but placement.NodeID) placement.NodeID {
	for {
		if node := f.whoLeads(ctx, t, but); node != 0 {
			return node
		}
		if !sleep(ctx, askPause) {
			return 0
		}
	}
}

// whoLeads asks all members but one at once. It returns the first that says that
// it leads, or 0 when all have answered or time is up.
func (f *Finder) whoLeads(ctx context.Context, t Target, but placement.NodeID) (leader placement.NodeID) {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	answers := make(chan placement.NodeID, len(t.Members))
	waiting := 0
	for _, m := range t.Members {
		if m == but {
			continue
		}
		waiting++
		go func() {
			if leads, err := f.leads(ctx, m, t.Group); err != nil || !leads {
				m = 0
			}
			answers <- m
		}()
	}
	for ; waiting > 0; waiting-- {
		if m := <-answers; m != 0 && leader == 0 {
			leader = m
			cancel() // the others end at once, and are waited for
		}
	}
	return leader
}
