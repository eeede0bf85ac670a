package raftgroup

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/hashicorp/raft"

	"cairn/store"
)

// queue holds the commands that wait for an entry. Up to carriers goroutines
// each take what has gathered, replicate it as one entry, and answer; so at most
// so many entries are under way, and batches grow with load. An idle queue has
// neither goroutine nor timer.
type queue struct {
	mu      sync.Mutex
	waiting []*proposal
	bytes   int
	busy    int // carriers running
	closed  error
	idle    chan struct{} // closed when it is closed and no carrier runs
}

const (
	carriers     = 2
	maxWaiting   = 1 << 14
	maxWaitBytes = 64 << 20
)

// proposal is one command on its way.
type proposal struct {
	cmd  Command
	done chan result // buffered
}

func (q *queue) init() { q.idle = make(chan struct{}) }

// add queues p and reports whether a carrier must be started.
func (q *queue) add(p *proposal) (start bool, err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	switch {
	case q.closed != nil:
		return false, q.closed
	case len(q.waiting) >= maxWaiting || q.bytes > maxWaitBytes:
		return false, &store.Error{
			Op: "propose", Kind: store.KindUnavailable, Err: fmt.Errorf("%d commands wait already", len(q.waiting)),
			Hint: "the group is overloaded; retry later",
		}
	}
	q.waiting = append(q.waiting, p)
	q.bytes += len(p.cmd.Data)
	if q.busy == carriers {
		return false, nil
	}
	q.busy++
	return true, nil
}

// take returns the commands of the next entry. If there is none, the carrier
// that asks is done.
func (q *queue) take() []*proposal {
	q.mu.Lock()
	defer q.mu.Unlock()
	n, size := 0, 0
	for n < len(q.waiting) && n < maxPack {
		size += len(q.waiting[n].cmd.Data)
		if size > maxPackBytes && n > 0 {
			size -= len(q.waiting[n].cmd.Data)
			break
		}
		n++
	}
	if n == 0 {
		q.busy--
		q.waiting = nil
		q.idleLocked()
		return nil
	}
	batch := append([]*proposal(nil), q.waiting[:n]...)
	q.waiting = q.waiting[n:]
	q.bytes -= size
	return batch
}

// close refuses all commands from now on; those that wait get err.
func (q *queue) close(err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed != nil {
		return
	}
	q.closed = err
	for _, p := range q.waiting {
		p.done <- result{err: err}
	}
	q.waiting, q.bytes = nil, 0
	q.idleLocked()
}

func (q *queue) idleLocked() {
	if q.closed != nil && q.busy == 0 {
		close(q.idle)
	}
}

// Propose replicates a command and returns the applier's reply. On a nil error
// the command is durable on a majority of the voters and applied here.
//
// An error of the applier means that the command had no effect. Besides:
//   - [store.KindMoved]: this replica does not lead, nothing happened; see
//     [LeaderHint].
//   - [store.KindUnavailable]: nothing happened; try again, here or elsewhere.
//   - [store.KindNoSpace]: the disk is at its reserve and the command is not
//     Freeing; nothing happened.
//   - [store.KindTooLarge]: beyond [MaxCommand]; nothing happened.
//   - [store.KindTimeout], [store.KindCanceled]: the outcome is unknown. The same
//     Command may be sent again, to any replica.
func (g *Group) Propose(ctx context.Context, cmd Command) (reply []byte, err error) {
	if err := g.admit(&cmd); err != nil {
		return nil, err
	}
	p := &proposal{cmd: cmd, done: make(chan result, 1)}
	start, err := g.queue.add(p)
	if err != nil {
		return nil, err
	}
	if start {
		g.tasks.run(g.carry)
	}
	select {
	case r := <-p.done:
		return r.reply, r.err
	case <-ctx.Done():
		return nil, &store.Error{
			Op: "propose", Kind: store.KindOf(ctx.Err()), Resource: fmt.Sprintf("group %d", g.id), Err: ctx.Err(),
		}
	}
}

// admit refuses what need not be queued.
func (g *Group) admit(cmd *Command) error {
	if err := g.usable(); err != nil {
		return err
	}
	switch {
	case len(cmd.Data) > MaxCommand:
		return store.Errorf(store.KindTooLarge, "propose", "a command of %d bytes; the limit is %d", len(cmd.Data), MaxCommand)
	case g.raft.State() != raft.Leader:
		return g.notLeader()
	case g.h.space.full.Load() && !cmd.Freeing:
		return &store.Error{
			Op: "propose", Kind: store.KindNoSpace, Resource: g.h.opts.Dir,
			Err:  fmt.Errorf("less than %d MiB are free", g.h.opts.MinFree>>20),
			Hint: "free space on the metadata disk, or delete data; deletes are still taken",
		}
	}
	return nil
}

// carry replicates entry after entry until nothing waits.
func (g *Group) carry() {
	for batch := g.queue.take(); batch != nil; batch = g.queue.take() {
		results, err := g.replicate(batch)
		for i, p := range batch {
			r := result{err: err}
			if err == nil {
				r = results[i]
			}
			p.done <- r
		}
	}
}

// replicate makes one entry of the batch and waits until it is applied.
func (g *Group) replicate(batch []*proposal) ([]result, error) {
	at := g.Now()
	size := 16
	for _, p := range batch {
		size += 32 + len(p.cmd.Data)
	}
	entry := appendEntryHeader(make([]byte, 0, size), at, len(batch))
	for _, p := range batch {
		entry = appendCommand(entry, &p.cmd)
	}
	f := g.raft.Apply(entry, enqueueTimeout)
	if err := g.await(f); err != nil {
		return nil, g.proposeError(err)
	}
	switch r := f.Response().(type) {
	case []result:
		return r, nil
	case error:
		return nil, g.unknownOutcome(r)
	}
	return nil, g.unknownOutcome(errors.New("the replica stopped before the command was applied"))
}

// enqueueTimeout bounds the wait for Raft's main loop, which a slow disk holds
// up.
const enqueueTimeout = 5 * time.Second

// proposeError classifies Raft's errors by whether the entry may yet commit.
func (g *Group) proposeError(err error) error {
	switch {
	case errors.Is(err, raft.ErrNotLeader):
		return g.notLeader()
	case errors.Is(err, raft.ErrLeadershipTransferInProgress):
		return g.unavailable("leadership is being handed over")
	case errors.Is(err, raft.ErrEnqueueTimeout):
		return g.unavailable("Raft is busy")
	}
	return g.unknownOutcome(err)
}

func (g *Group) unknownOutcome(err error) error {
	return &store.Error{
		Op: "propose", Kind: store.KindTimeout, Resource: fmt.Sprintf("group %d", g.id), Err: err,
		Hint: "the outcome is unknown; send the command again with the same client and seq",
	}
}
