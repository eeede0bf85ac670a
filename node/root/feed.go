package root

import (
	"encoding/binary"
	"iter"
	"sync"

	"cairn/node/raftgroup"
	pb "cairn/proto"
	"cairn/store"
)

// maxFeed is how many batches of changes a replica keeps for watchers; one that
// is further behind gets all rows again.
const maxFeed = 8192

// feed keeps the newest changes of a root replica for those who watch it.
type feed struct {
	mu      sync.Mutex
	epoch   uint64
	batches []batch       // ascending; together they lead from the first one's prev to epoch
	changed chan struct{} // closed when epoch grows
}

type batch struct {
	prev, epoch uint64
	rows        []*pb.Row
}

func newFeed() *feed { return &feed{changed: make(chan struct{})} }

// Restored starts over at the epoch of the rows.
func (f *fsm) Restored(rows raftgroup.Rows) error {
	v, ok, err := rows.Get(keyEpoch)
	if err != nil || !ok {
		return err
	}
	f.feed.reset(binary.BigEndian.Uint64(v))
	return nil
}

// Committed passes the changed rows on to the watchers.
func (f *fsm) Committed(_ uint64, _ store.Time, changes iter.Seq[raftgroup.Change]) {
	var rows []*pb.Row
	var epoch uint64
	for c := range changes {
		switch {
		case len(c.Key) == 1 && c.Key[0] == colEpoch:
			epoch = binary.BigEndian.Uint64(c.Value)
		case c.Key[0] != colCounters:
			rows = append(rows, &pb.Row{
				Key: append([]byte(nil), c.Key...), Value: append([]byte(nil), c.Value...), Deleted: c.Deleted(),
			})
		}
	}
	if epoch != 0 {
		f.feed.add(epoch, rows)
	}
}

func (f *feed) reset(epoch uint64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.batches = nil
	f.moveLocked(epoch)
}

func (f *feed) add(epoch uint64, rows []*pb.Row) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.batches = append(f.batches, batch{prev: f.epoch, epoch: epoch, rows: rows})
	if len(f.batches) > maxFeed {
		f.batches = append([]batch(nil), f.batches[maxFeed/4:]...)
	}
	f.moveLocked(epoch)
}

func (f *feed) moveLocked(epoch uint64) {
	f.epoch = epoch
	close(f.changed)
	f.changed = make(chan struct{})
}

// now returns the epoch.
func (f *feed) now() uint64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.epoch
}

// since returns the rows changed behind epoch; ok is false if that is further
// back than the feed goes. With nothing new, wait is closed once there is.
func (f *feed) since(epoch uint64) (rows []*pb.Row, now uint64, ok bool, wait <-chan struct{}) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if epoch >= f.epoch { // a watcher that was at a faster replica waits for this one
		return nil, epoch, true, f.changed
	}
	if len(f.batches) == 0 || epoch < f.batches[0].prev {
		return nil, f.epoch, false, nil
	}
	for _, b := range f.batches {
		if b.epoch > epoch {
			rows = append(rows, b.rows...)
		}
	}
	return rows, f.epoch, true, nil
}
