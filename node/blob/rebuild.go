package blob

import (
	"context"
	"fmt"
	"time"

	"cairn/internal/arena"
	"cairn/store"
)

// readPiece reads a range of a data shard. When the shard's holder is down,
// fails or is late, the range is rebuilt from k other shards; a late holder may
// still win.
func (g *getJob) readPiece(ctx context.Context, p piece) (*store.Bytes, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	results := make(chan outcome, 2)
	pending := 0
	start := func(from int, f func(context.Context, piece) (*store.Bytes, error)) {
		pending++
		go func() {
			b, err := f(ctx, p)
			results <- outcome{from, b, err}
		}()
	}
	const direct, rebuilt = 0, 1
	skipped := g.skip(p.shard)
	if !skipped {
		start(direct, g.readShard)
	} else {
		start(rebuilt, g.rebuildInTurn)
	}
	hedge := time.NewTimer(g.patience(p.shard))
	defer hedge.Stop()
	other := skipped // the second way is under way or not wanted
	errs := failures{}
	for pending > 0 {
		select {
		case r := <-results:
			pending--
			if r.err == nil {
				drain(results, pending)
				return r.b, nil
			}
			errs.add(r.err)
			if r.from == direct && !other {
				other = true
				start(rebuilt, g.rebuildInTurn)
			} else if r.from == rebuilt && skipped {
				skipped = false
				start(direct, g.readShard) // better a slow answer than none
			}
		case <-hedge.C:
			switch {
			case other:
			case g.c.hedging.TryAcquire(g.rebuildSize(p)):
				other = true
				start(rebuilt, g.rebuildHeld)
			default: // many reads are late: more reads would not make them faster
				hedge.Reset(g.patience(p.shard))
			}
		}
	}
	return nil, errs.verdict(g)
}

// rebuildInTurn is rebuild when there is room for it.
func (g *getJob) rebuildInTurn(ctx context.Context, p piece) (*store.Bytes, error) {
	if err := g.c.hedging.Acquire(ctx, g.rebuildSize(p)); err != nil {
		return nil, &store.Error{Op: "get blob", Kind: store.KindOf(err), Err: err}
	}
	return g.rebuildHeld(ctx, p)
}

// rebuildHeld is rebuild with the room for it taken, which it gives back.
func (g *getJob) rebuildHeld(ctx context.Context, p piece) (*store.Bytes, error) {
	defer g.c.hedging.Release(g.rebuildSize(p))
	return g.rebuild(ctx, p)
}

// rebuildSize returns the bytes that a rebuild of p may hold: of all other
// shards, and of k of them and the result once more.
func (g *getJob) rebuildSize(p piece) int64 {
	return min(int64(g.n+g.k)*int64(p.n), maxHedging)
}

// rebuild computes a range of a shard from the same range of k others.
func (g *getJob) rebuild(ctx context.Context, p piece) (*store.Bytes, error) {
	var others []int
	for s := range g.n {
		if s != p.shard {
			others = append(others, s)
		}
	}
	have, err := g.gather(ctx, g.order(others), p)
	defer func() {
		for _, b := range have {
			b.Release()
		}
	}()
	if err != nil {
		return nil, err
	}
	return g.decode(have, p)
}

// gather reads the range from k of the given shards, asking further ones as
// answers fail or are late.
func (g *getJob) gather(ctx context.Context, order []int, p piece) (map[int]*store.Bytes, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	results := make(chan outcome, len(order))
	asked, pending := 0, 0
	ask := func() {
		s := order[asked]
		asked, pending = asked+1, pending+1
		go func() {
			b, err := g.readShard(ctx, piece{s, p.off, p.n})
			results <- outcome{s, b, err}
		}()
	}
	for asked < min(g.k, len(order)) {
		ask()
	}
	have := map[int]*store.Bytes{}
	errs := failures{}
	for len(have) < g.k && pending > 0 {
		var late <-chan time.Time
		if asked < len(order) {
			late = time.After(maxHedge)
		}
		select {
		case r := <-results:
			pending--
			if r.err == nil {
				have[r.from] = r.b
				continue
			}
			errs.add(r.err)
			if asked < len(order) {
				ask()
			}
		case <-late:
			ask()
		}
	}
	drain(results, pending)
	if len(have) < g.k {
		return have, errs.verdict(g)
	}
	return have, nil
}

// decode runs the code over the gathered ranges. Ranges of k shards at the same
// offset are a code word of their own, so nothing else of the shards is needed.
func (g *getJob) decode(have map[int]*store.Bytes, p piece) (*store.Bytes, error) {
	enc, err := g.c.codes.get(uint8(g.k), uint8(g.n-g.k))
	if err != nil {
		return nil, err
	}
	buf := arena.Get((g.k + 1) * p.n)
	shards := make([][]byte, g.n)
	used := 0
	for s, b := range have {
		dst := buf[used*p.n : (used+1)*p.n : (used+1)*p.n]
		at := 0
		for _, part := range b.Parts() {
			at += copy(dst[at:], part)
		}
		shards[s] = dst
		used++
	}
	shards[p.shard] = buf[used*p.n : used*p.n : (used+1)*p.n]
	want := make([]bool, g.n)
	want[p.shard] = true
	if err := enc.ReconstructSome(shards, want); err != nil {
		arena.Put(buf)
		return nil, fmt.Errorf("decode blob %s: %w", g.ref.Blob, err)
	}
	return store.NewBytes([][]byte{shards[p.shard][:p.n]}, func() { arena.Put(buf) }), nil
}

// failures counts why shards could not be read.
type failures struct {
	missing, damaged, other int
	last                    error
}

func (f *failures) add(err error) {
	switch store.KindOf(err) {
	case store.KindNotFound:
		f.missing++
	case store.KindCorrupt:
		f.damaged++
	default:
		f.other++
	}
	f.last = err
}

// verdict turns the failures into one error. A blob is gone only if nobody who
// could have a shard failed to answer.
func (f *failures) verdict(g *getJob) error {
	e := &store.Error{Op: "get blob", Kind: store.KindUnavailable, Resource: g.ref.Blob.String(), Err: f.last}
	switch {
	case store.Is(f.last, store.KindCanceled):
		e.Kind = store.KindCanceled
	case f.other > 0:
		e.Hint = "too few of its shards can be read now; see `cairn status`"
	case f.damaged > 0:
		e.Kind = store.KindCorrupt
		e.Hint = "too many of its shards are damaged; see `cairn status`"
	default:
		e.Kind = store.KindNotFound
	}
	return e
}
