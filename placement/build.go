package placement

import "cairn/store"

// Slots per disk that Counts aims at for the standard class: a slot is the unit
// in which a lost disk is rebuilt in parallel, so more of them rebuild faster,
// and every row costs memory on every node. A slot of a full disk is then about
// 50 GB, and a small disk has at least minSlots.
const (
	bytesPerSlot = 50e9
	minSlots     = 32
	maxSlots     = 400
)

// minGroups is the smallest number of normal rows of a policy, except in a
// cluster with too few disks to tell that many rows apart.
const minGroups = 64

// otherShare is the number of rows of the standard code per row of any other
// policy.
const otherShare = 8

// fallbackShare is the number of normal rows per fallback row.
const fallbackShare = 8

// Counts returns how many normal rows each policy should have.
func Counts(t *Topology, policies []Policy) map[PolicyID]int {
	// Disks of a cluster differ: each is counted with the slots that suit it.
	var slots float64
	disks := 0
	for i := range t.disks {
		if t.weight(int32(i)) > 0 {
			slots += min(max(float64(t.disks[i].Capacity)/bytesPerSlot, minSlots), maxSlots)
			disks++
		}
	}
	out := make(map[PolicyID]int, len(policies))
	for _, p := range policies {
		// What the standard class stores in its erasure code are nearly all bytes;
		// copies of small blobs and the other classes need rows enough to spread over
		// all disks and no more.
		share := otherShare
		if p.Class == store.ClassStandard && !hasWider(policies, p) {
			share = 1
		}
		out[p.ID] = max(int(slots)/widest(policies)/share, min(minGroups, 8*disks))
	}
	return out
}

// widest returns the shards of the standard class's erasure code.
func widest(policies []Policy) int {
	n := 1
	for _, p := range policies {
		if p.Class == store.ClassStandard {
			n = max(n, p.N())
		}
	}
	return n
}

// A cluster of three nodes has copies only: they are its standard code then, and
// get the full number of rows.

// hasWider reports whether the standard class has an erasure code beside the
// copies p.
func hasWider(policies []Policy, p Policy) bool {
	for _, q := range policies {
		if q.Class == p.Class && q.State == StateOpen && q.N() > p.N() {
			return true
		}
	}
	return false
}

// Build makes the rows of new policies: counts[id] normal rows each and about
// an eighth as many fallback rows, numbered from first, balanced. A policy for
// which there are too few disks gives an error of [store.KindInvalid].
func Build(t *Topology, policies []Policy, counts map[PolicyID]int, first PGID) ([]PG, error) {
	var all []PG
	for _, p := range policies {
		n := counts[p.ID]
		// At least two for each home, so that writers have a choice when one of them
		// is being repaired.
		fallback := max((n+fallbackShare-1)/fallbackShare, 2*len(homesOf(t, p, PGFallback)))
		for class, count := range []int{PGNormal: n, PGFallback: fallback} {
			rows, err := BuildClass(t, p, PGClass(class), count, first)
			if err != nil {
				return nil, err
			}
			all = append(all, rows...)
			first += PGID(len(rows))
		}
	}
	return all, nil
}

// BuildClass makes n rows of one policy and class, numbered from first and
// balanced among themselves; none if the policy needs no fallback rows here.
func BuildClass(t *Topology, p Policy, class PGClass, n int, first PGID) ([]PG, error) {
	homes := homesOf(t, p, class)
	switch {
	case len(homes) == 0 && class == PGFallback:
		return nil, nil
	case len(homes) == 0:
		return nil, tooFewDisks("build placement groups", t, p)
	}
	// Homes take turns, so that whichever zone is away, as many fallback rows avoid
	// it as any other.
	rows := emptyRows(p, class, n, first)
	g := newGroup(t, make(map[home]*pools), p, pointers(rows))
	for r := range rows {
		if !g.fillRow(r, g.pools(homes[r%len(homes)])) {
			return nil, tooFewDisks("build placement groups", t, p)
		}
	}
	// Nothing is stored yet: these moves cost nothing.
	g.balance(func(int, int) {})
	for r := range rows {
		g.writeHolders(r)
	}
	return rows, nil
}

func emptyRows(p Policy, class PGClass, n int, first PGID) []PG {
	// One array for all holders: a row each would cost the collector as many objects.
	rows := make([]PG, n)
	holders := make([]DiskID, n*p.N())
	for i := range rows {
		lo, hi := i*p.N(), (i+1)*p.N()
		rows[i] = PG{ID: first + PGID(i), Policy: p.ID, Class: class, Gen: 1, Holders: holders[lo:hi:hi]}
	}
	return rows
}

func pointers(rows []PG) []*PG {
	out := make([]*PG, len(rows))
	for i := range rows {
		out[i] = &rows[i]
	}
	return out
}

func tooFewDisks(op string, t *Topology, p Policy) error {
	_, _, disks := newPools(t, anywhere).live()
	e := store.Errorf(store.KindInvalid, op, "%s needs %d disks, %d take shards", p.Code(), p.N(), disks)
	e.Reason, e.Hint = "too-few-disks", "add disks first"
	return e
}
