package placement

import (
	"maps"
	"math"
	"slices"
)

// Health is what the used rows of one policy still survive.
type Health struct {
	Policy     PolicyID
	Rows       int
	Margin     Margin
	Left       []int  // rows by redundancy left: Left[i] can lose i more shards
	Unreadable int    // rows with fewer than k shards
	Moving     int    // rows with a slot that is not complete
	Worst      []PGID // up to worstRows rows that survive as little as Margin says
}

// worstRows bounds Health.Worst.
const worstRows = 8

// Margins computes, by enumeration over the rows, what the cluster survives now,
// one entry per policy. live reports whether a disk answers; nil means that all
// counted disks do. used selects the rows that hold data; nil means the normal
// ones (fallback rows promise less, and are empty unless there was an outage).
func Margins(t *Topology, policies []Policy, rows []PG, live func(DiskID) bool, used func(*PG) bool) []Health {
	// The promise is that of the worst row: data is spread over all of them, so the
	// loss that is too much for one row loses data.
	if used == nil {
		used = func(pg *PG) bool { return pg.Class == PGNormal }
	}
	there := t.Counted
	if live != nil {
		there = func(d DiskID) bool { return t.Counted(d) && live(d) }
	}
	out := make([]Health, len(policies))
	at := make(map[PolicyID]int, len(policies))
	for i, p := range policies {
		out[i] = Health{Policy: p.ID, Margin: unlimited, Left: make([]int, p.M+1)}
		at[p.ID] = i
	}
	for r := range rows {
		pg := &rows[r]
		if i, ok := at[pg.Policy]; ok && pg.State != StateRetired && used(pg) {
			out[i].add(pg, rowMargin(t, int(policies[i].K), pg, there))
		}
	}
	return out
}

func (h *Health) add(pg *PG, m Margin) {
	h.Rows++
	if m.Disks < 0 {
		h.Unreadable++
	} else {
		h.Left[min(m.Disks, len(h.Left)-1)]++
	}
	if pg.Moving() > 0 {
		h.Moving++
	}
	if m.Below(h.Margin) {
		h.Worst = h.Worst[:0]
	}
	h.Margin = h.Margin.And(m)
	if !h.Margin.Below(m) && len(h.Worst) < worstRows {
		h.Worst = append(h.Worst, pg.ID)
	}
}

// Redundancy returns how many shards the row can lose before data is
// unreadable, negative if it is. Shards on disks that are not counted, and those
// being rebuilt, do not count.
func Redundancy(t *Topology, p Policy, pg *PG) int {
	return rowMargin(t, int(p.K), pg, t.Counted).Disks
}

// Promise returns what rows built for the policy on this topology survive when
// all is well. It fails if there are too few disks.
func Promise(t *Topology, p Policy) (Margin, error) {
	homes := normalHomes(t, p)
	m, all := unlimited, func(DiskID) bool { return true }
	for _, h := range homes {
		ps := newPools(t, h)
		// Where a row begins turns with its number, and with unlike zones not all rows
		// come out alike; a turn through all zones shows each kind.
		for id := range PGID(max(len(t.zones), 4)) {
			row, ok := sampleRow(t, p, ps, id)
			if !ok {
				return Margin{}, tooFewDisks("place", t, p)
			}
			m = m.And(rowMargin(t, int(p.K), &row, all))
		}
	}
	if len(homes) == 0 {
		return Margin{}, tooFewDisks("place", t, p)
	}
	return m, nil
}

// Usable returns the share of the raw capacity that can be used before the
// first disk is full, if the normal rows of the policy fill evenly.
func Usable(t *Topology, p PolicyID, rows []PG) float64 {
	load := make([]float64, len(t.disks))
	var slots, capacity float64
	for r := range rows {
		if rows[r].Policy != p || rows[r].Class != PGNormal {
			continue
		}
		for _, d := range rows[r].Holders {
			if i, ok := t.diskAt[d]; ok && t.disks[i].Admin == DiskIn {
				load[i]++
				slots++
			}
		}
	}
	// Rows fill alike, so the disk with the most slots for its size is full first,
	// and then writes to its rows end.
	fill := math.Inf(1)
	for i, d := range t.disks {
		if d.Admin != DiskIn {
			continue
		}
		capacity += float64(d.Capacity)
		if load[i] > 0 {
			fill = min(fill, float64(d.Capacity)/load[i])
		}
	}
	if slots == 0 || capacity == 0 {
		return 0
	}
	return slots * fill / capacity
}

// ZoneQuota returns how many shards of a row of the policy each of its zones
// holds on this topology, most first. It fails if there are too few disks.
func ZoneQuota(t *Topology, p Policy) ([]int, error) {
	for _, h := range normalHomes(t, p) {
		row, ok := sampleRow(t, p, newPools(t, h), 0)
		if !ok {
			break
		}
		count := make(map[int32]int)
		for _, d := range row.Holders {
			z, _ := t.domain(d, LevelZone)
			count[z]++
		}
		quota := slices.Sorted(maps.Values(count))
		slices.Reverse(quota)
		return quota, nil
	}
	return nil, tooFewDisks("place", t, p)
}
