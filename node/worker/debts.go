package worker

import (
	"cmp"
	"context"
	"math/bits"
	"slices"
	"sync"
	"time"

	"cairn/node/data/disk"
	"cairn/node/fill"
	"cairn/node/meta"
	"cairn/node/raftgroup"
	"cairn/node/root"
	"cairn/placement"
	"cairn/store"
)

const (
	// maxDebts is how many debts that can be paid now a pass takes on; the rest
	// waits for the next.
	maxDebts = 10_000
	// repairBatch is how many shards a node is asked for at a time, and
	// repairTimeout how long it may take for them.
	repairBatch   = 16
	repairTimeout = time.Minute
)

// payDebts brings in owed shards.
func (w *Worker) payDebts(ctx context.Context, g *raftgroup.Group, s *GroupStats) error {
	debts, err := w.readDebts(g, s)
	if err != nil || len(debts) == 0 {
		return err
	}
	byNode, err := w.assign(debts)
	if err != nil {
		return err
	}
	var wg sync.WaitGroup
	errs := make(chan error, len(byNode))
	for node, owed := range byNode {
		wg.Go(func() { errs <- w.payNode(ctx, g, node, owed) })
	}
	wg.Wait()
	close(errs)
	for err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// readDebts reads the group's debts, those with the least redundancy left first.
func (w *Worker) readDebts(g *raftgroup.Group, s *GroupStats) ([]meta.Debt, error) {
	snap, err := g.ReadLocal()
	if err != nil {
		return nil, err
	}
	defer snap.Close()
	var debts []meta.Debt
	for d, err := range meta.Debts(snap, store.BlobID{}) {
		if err != nil {
			return nil, err
		}
		s.Debts++
		s.DebtsByLeft[w.left(d)]++
		if made := store.TimeOf(store.Epoch2020) + 1000*store.Time(d.Blob.Created()); s.OldestDebt == 0 || made < s.OldestDebt {
			s.OldestDebt = made
		}
		if len(debts) < maxDebts && w.payable(d) {
			debts = append(debts, d)
		}
	}
	w.sortByLeft(debts)
	return debts, nil
}

// sortByLeft puts the blobs first that could lose the fewest shards.
func (w *Worker) sortByLeft(debts []meta.Debt) {
	slices.SortStableFunc(debts, func(a, b meta.Debt) int { return cmp.Compare(w.left(a), w.left(b)) })
}

// left returns how many more shards the blob could lose.
func (w *Worker) left(d meta.Debt) int {
	view := w.cfg.Root.View()
	pg := view.PG(placement.PGID(d.Blob.PG()))
	if pg == nil {
		return 0
	}
	p := view.Policy(pg.Policy)
	if p == nil {
		return 0
	}
	return int(p.M) - bits.OnesCount16(d.Missing)
}

// payable reports whether a node that should have one of the shards answers.
func (w *Worker) payable(d meta.Debt) bool {
	pg := w.cfg.Root.View().PG(placement.PGID(d.Blob.PG()))
	if pg == nil {
		return false
	}
	for i, holder := range pg.Holders {
		if d.Missing&(1<<i) != 0 && w.answers(holder) {
			return true
		}
	}
	return false
}

// answers reports whether the node of a disk is up.
func (w *Worker) answers(d placement.DiskID) bool {
	state, _ := w.cfg.Root.Live().Node(placement.NodeID(w.cfg.Root.View().Disk(d).GetNode()))
	return state == root.Up
}

// owed is a shard that a node should get.
type owed struct {
	id   disk.ShardID
	left int
}

// assign sorts the owed shards by the node that should have them; nodes that do
// not answer are left out.
func (w *Worker) assign(debts []meta.Debt) (map[placement.NodeID][]owed, error) {
	view := w.cfg.Root.View()
	topo, err := view.Topology()
	if err != nil {
		return nil, err
	}
	out := map[placement.NodeID][]owed{}
	for _, d := range debts {
		pg := view.PG(placement.PGID(d.Blob.PG()))
		if pg == nil {
			continue
		}
		for i, holder := range pg.Holders {
			node, ok := topo.NodeOf(holder)
			if d.Missing&(1<<i) == 0 || !ok {
				continue
			}
			if w.answers(holder) {
				out[node.ID] = append(out[node.ID], owed{disk.ShardID{Blob: d.Blob, Index: uint8(i)}, w.left(d)})
			}
		}
	}
	return out, nil
}

// payNode asks one node for its owed shards, batch by batch, and ends what is
// paid. A node that does not answer ends the pass for it; a shard that cannot be
// had now does not keep the others waiting.
func (w *Worker) payNode(ctx context.Context, g *raftgroup.Group, node placement.NodeID, all []owed) (failed error) {
	for batch := range slices.Chunk(all, repairBatch) {
		ids := make([]disk.ShardID, len(batch))
		for i, o := range batch {
			ids[i] = o.id
		}
		rctx, cancel := w.whileUp(ctx, node, repairTimeout)
		done, last, err := fill.Ask(rctx, w.cfg.Fabric, node, ids, batch[0].left <= 1)
		cancel()
		if err != nil {
			return err
		}
		var paid []meta.Debt
		for i, ok := range done {
			if ok {
				paid = append(paid, meta.Debt{Blob: ids[i].Blob, Missing: 1 << ids[i].Index})
			}
		}
		if len(paid) > 0 {
			if err := meta.Repaired(ctx, g, w.cfg.Session, paid); err != nil {
				return err
			}
		}
		if len(paid) < len(ids) {
			failed = store.Errorf(store.KindUnavailable, "repair shards", "node %d: %s", node, last)
		}
	}
	return failed
}
