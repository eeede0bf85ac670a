package simulator

import (
	"cmp"
	"container/heap"
	"slices"
	"time"

	"cairn/placement"
)

// Caps are the bandwidths that background work may use.
type Caps struct {
	DiskBytes float64 // per disk and second, over two streams in or out
	NodeBytes float64 // per node and second
}

// streamsPerDisk is the number of transfers that share a disk's bandwidth.
const streamsPerDisk = 2

// maxScheduled bounds the transfers that are scheduled one by one; the time of
// more is bounded from below by the busiest disk or node.
const maxScheduled = 20000

// task rebuilds one slot: it occupies a stream at its target and at k sources.
type task struct {
	disks []placement.DiskID
	end   float64
}

// RebuildTime returns how long the repairs take when each reads k shards of
// slotBytes and writes one, streams are never shared, and a waiting repair
// starts as soon as all its disks and nodes have a stream free. exact is false
// for a lower bound.
func (c *Cluster) RebuildTime(moves []placement.Move, slotBytes func(*placement.PG) float64, caps Caps) (d time.Duration, exact bool) {
	rate := caps.DiskBytes / streamsPerDisk
	s := scheduler{
		c: c, perNode: max(placement.MaxShards, int(caps.NodeBytes/rate)), // any one repair must fit
		work: make(map[placement.DiskID]float64), disk: make(map[placement.DiskID]int), node: make(map[placement.NodeID]int),
	}
	tasks := make([]task, len(moves))
	seconds := make([]float64, len(moves))
	for i, m := range moves {
		seconds[i] = slotBytes(&c.Rows[c.row[m.PG]]) / rate
		tasks[i] = task{disks: s.sources(m, seconds[i])}
	}
	if len(tasks) > maxScheduled {
		return toDuration(s.bound()), false
	}
	return toDuration(s.run(tasks, seconds)), true
}

func toDuration(seconds float64) time.Duration { return time.Duration(seconds * float64(time.Second)) }

// scheduler counts streams in use by disk and node.
type scheduler struct {
	c       *Cluster
	perNode int
	work    map[placement.DiskID]float64 // stream seconds given to a disk so far
	disk    map[placement.DiskID]int
	node    map[placement.NodeID]int
	running ends
}

// sources returns the move's target and the k holders that have least to do.
func (s *scheduler) sources(m placement.Move, seconds float64) []placement.DiskID {
	pg := &s.c.Rows[s.c.row[m.PG]]
	var from []placement.DiskID
	for i, d := range pg.Holders {
		if i != m.Slot && s.c.Topology.Counted(d) {
			from = append(from, d)
		}
	}
	slices.SortStableFunc(from, func(a, b placement.DiskID) int { return cmp.Compare(s.work[a], s.work[b]) })
	used := append([]placement.DiskID{m.To}, from[:min(int(s.c.policy[pg.Policy].K), len(from))]...)
	for _, d := range used {
		s.work[d] += seconds
	}
	return used
}

// bound is the time the busiest disk or node needs.
func (s *scheduler) bound() (worst float64) {
	byNode := make(map[placement.NodeID]float64)
	for d, w := range s.work {
		n, _ := s.c.Topology.NodeOf(d)
		byNode[n.ID] += w
		worst = max(worst, w/streamsPerDisk)
	}
	for _, w := range byNode {
		worst = max(worst, w/float64(s.perNode))
	}
	return worst
}

func (s *scheduler) run(tasks []task, seconds []float64) (now float64) {
	waiting := make([]int, len(tasks))
	for i := range waiting {
		waiting[i] = i
	}
	for {
		left := waiting[:0]
		for _, i := range waiting {
			if !s.fits(tasks[i].disks) {
				left = append(left, i)
				continue
			}
			s.use(tasks[i].disks, 1)
			tasks[i].end = now + seconds[i]
			heap.Push(&s.running, &tasks[i])
		}
		waiting = left
		if len(s.running) == 0 {
			return now
		}
		now = s.running[0].end
		for len(s.running) > 0 && s.running[0].end == now {
			s.use(heap.Pop(&s.running).(*task).disks, -1)
		}
	}
}

func (s *scheduler) fits(disks []placement.DiskID) bool {
	for _, d := range disks {
		if n, _ := s.c.Topology.NodeOf(d); s.disk[d] >= streamsPerDisk || s.node[n.ID] >= s.perNode {
			return false
		}
	}
	return true
}

func (s *scheduler) use(disks []placement.DiskID, by int) {
	for _, d := range disks {
		n, _ := s.c.Topology.NodeOf(d)
		s.disk[d] += by
		s.node[n.ID] += by
	}
}

// ends is a heap of running tasks, the first to end on top.
type ends []*task

func (e ends) Len() int           { return len(e) }
func (e ends) Less(i, j int) bool { return e[i].end < e[j].end }
func (e ends) Swap(i, j int)      { e[i], e[j] = e[j], e[i] }
func (e *ends) Push(x any)        { *e = append(*e, x.(*task)) }
func (e *ends) Pop() any {
	old := *e
	x := old[len(old)-1]
	*e = old[:len(old)-1]
	return x
}
