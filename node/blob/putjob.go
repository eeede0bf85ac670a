package blob

import (
	"context"
	"fmt"
	"time"

	"cairn/node/data/disk"
	"cairn/placement"
	"cairn/store"
)

const (
	// grace is how long a put that could be acknowledged waits for the shards
	// that are still missing.
	grace = 250 * time.Millisecond
	// patience is how long a put waits for the rule to be met before it goes to
	// another group, around those that have not answered.
	patience = 2 * time.Second
	// writeTimeout ends a shard write that nobody waits for any more.
	writeTimeout = 15 * time.Second
)

// putJob writes one blob to one placement group.
type putJob struct {
	c      *Client
	topo   *placement.Topology
	policy placement.Policy
	pg     *placement.PG
	whole  bool // all holders were usable when the group was picked
	ref    store.Ref

	acked  uint16 // shards that are fsynced
	failed uint16 // shards that will not be, at first those whose disks are away
}

// result is the outcome of one shard write.
type result struct {
	shard int
	err   error
}

// run writes all shards and waits until the blob may be acknowledged.
func (j *putJob) run(ctx context.Context, owner store.Owner, payload []byte) (store.Placed, error) {
	shards, bufs, err := j.c.cut(j.policy, payload)
	defer func() {
		for _, b := range bufs {
			pinned.free(b)
		}
	}()
	if err != nil {
		return store.Placed{}, err
	}
	var sums []uint32
	sums, j.ref.CRC = sum(shards, int(j.policy.K), len(payload))
	results := make(chan result, len(shards)) // room for all: late writers never block
	held := append([][]byte{payload}, bufs...)
	for i := range shards {
		if j.failed&(1<<i) != 0 {
			continue // its disk is known to be away
		}
		for _, b := range held {
			pinned.hold(b, 1)
		}
		j.c.running.Go(func() {
			err := j.write(i, owner, shards[i], sums[i], len(payload))
			for _, b := range held {
				pinned.drop(b)
			}
			results <- result{i, err}
		})
	}
	return j.wait(ctx, results)
}

// write sends one shard. It goes on when the put has been acknowledged or given
// up: a shard that comes late is one less to repair.
func (j *putJob) write(shard int, owner store.Owner, data []byte, crc uint32, blobLen int) error {
	node, ok := j.topo.NodeOf(j.pg.Holders[shard])
	if !ok {
		return store.Errorf(store.KindUnavailable, "put shard", "disk %d is not in the map", j.pg.Holders[shard])
	}
	ctx, cancel := context.WithTimeout(j.c.life, writeTimeout)
	defer cancel()
	sh := disk.Shard{
		ShardID: disk.ShardID{Blob: j.ref.Blob, Index: uint8(shard)},
		K:       j.policy.K, M: j.policy.M, BlobLen: uint32(blobLen), Owner: owner,
	}
	err := j.c.shards.Write(ctx, node.ID, j.pg.Holders[shard], sh, j.pg.Gen, data, crc)
	if notReached(err) {
		j.c.peers.failed(node.ID, j.c.clock())
	}
	return err
}

// wait collects results until all shards are there, or the rule is met and
// either nothing more can come or the grace is over.
func (j *putJob) wait(ctx context.Context, results <-chan result) (store.Placed, error) {
	all := j.policy.All()
	var late <-chan time.Time
	var firstErr error
	stuck := time.NewTimer(patience)
	defer stuck.Stop()
	for {
		select {
		case r := <-results:
			if r.err == nil {
				j.acked |= 1 << r.shard
			} else {
				j.failed |= 1 << r.shard
				firstErr = first(firstErr, r.err)
			}
		case <-late:
			j.avoidLaggards()
			return j.placed(), nil
		case <-stuck.C:
			if !j.enough() && j.goAround() {
				j.avoidLaggards()
				return store.Placed{}, j.tooFew(firstErr)
			}
			stuck.Reset(patience)
		case <-ctx.Done():
			return store.Placed{}, &store.Error{Op: "put blob", Kind: store.KindOf(ctx.Err()), Err: ctx.Err()}
		}
		switch {
		case j.acked == all:
			return j.placed(), nil
		case j.acked|j.failed == all && j.enough():
			return j.placed(), nil
		case j.acked|j.failed == all, !j.possible():
			return store.Placed{}, j.tooFew(firstErr)
		case late == nil && j.enough():
			t := time.NewTimer(grace)
			defer t.Stop()
			late = t.C
		}
	}
}

// goAround reports whether the disks that have answered could take a blob alone.
// If not, too many are slow for it to be their own fault, and waiting is best.
func (j *putJob) goAround() bool {
	return j.policy.AckedAt(placement.LevelNode, j.pg, j.topo, j.acked)
}

// avoidLaggards steers the next puts around nodes that made this one wait.
func (j *putJob) avoidLaggards() {
	for i, d := range j.pg.Holders {
		if node, ok := j.topo.NodeOf(d); ok && (j.acked|j.failed)&(1<<i) == 0 {
			j.c.peers.lagged(node.ID, j.c.clock())
		}
	}
}

func first(a, b error) error {
	if a != nil {
		return a
	}
	return b
}

// enough applies the acknowledgement rule. A group that was picked although
// some of its holders are away, because no other group is left, is held to the
// rule at node level: better two copies of three than an error.
func (j *putJob) enough() bool { return j.meets(j.acked) }

// possible reports whether the shards still under way could meet the rule.
func (j *putJob) possible() bool { return j.meets(j.policy.All() &^ j.failed) }

func (j *putJob) meets(mask uint16) bool {
	if j.whole {
		return j.policy.Acked(j.pg, j.topo, mask)
	}
	return j.policy.AckedAt(placement.LevelNode, j.pg, j.topo, mask)
}

// placed is the receipt.
func (j *putJob) placed() store.Placed {
	return store.Placed{Ref: j.ref, Gen: j.pg.Gen, Missing: j.policy.All() &^ j.acked}
}

// tooFew is the error of a group that could not take the blob safely. Its kind
// is that of the first failure, where that says what to do.
func (j *putJob) tooFew(cause error) error {
	kind := store.KindUnavailable
	if store.Is(cause, store.KindNoSpace) {
		kind = store.KindNoSpace
	}
	return &store.Error{
		Op: "put blob", Kind: kind, Resource: fmt.Sprintf("placement group %d", j.pg.ID), Err: cause,
		Hint: "too few shards were written to survive a failure; see `cairn status`",
	}
}
