package placement

import (
	"cmp"
	"slices"

	"cairn/store"
)

// Aurora keeps six copies, two a zone, so that the loss of a zone and of one more
// node loses nothing (Verbitski et al., SIGMOD 2017, section 2.1: "AZ+1"). The
// standard class keeps to that with codes: m = q+1 parity shards, at most q shards
// a zone. Codes spread over three zones that survive one zone and no more, as
// RS(4,2), have no redundancy left while a zone is away; they are the economy
// class, and labelled so.

// maxChosen is the widest code that is chosen: wider ones save little and make
// every write wait for, and every repair read from, more disks.
const maxChosen = 12

// wideCode is the number of shards from which three of them must be parity: so
// many disks fail often enough that two repairs overlap.
const wideCode = 8

// zoneShape is what a zone has to offer.
type zoneShape struct {
	nodes    int
	perNode  int // disks of the node that has fewest
	capacity float64
}

// ChoosePolicies returns the policies that suit the topology, with ids from 1:
// the standard class, which survives a zone and one more node where there are
// three zones; copies for small blobs over the same zones; an economy class that
// survives a zone and no more; a class that stays within one zone. A class that
// would bring nothing over the standard one is left out ([Select] then takes
// that). It fails if no disk takes shards.
func ChoosePolicies(t *Topology) ([]Policy, error) {
	zones := shapes(t)
	if len(zones) == 0 {
		return nil, &store.Error{Op: "choose policies", Kind: store.KindInvalid, Reason: "too-few-disks",
			Resource: "topology", Hint: "add a disk first"}
	}
	std := standardPolicy(zones)
	chosen := []Policy{std}
	if std.N() > 3 {
		chosen = append(chosen, Policy{K: 1, M: 2, Level: std.Level, Class: store.ClassStandard})
	}
	if p, ok := economyPolicy(zones); ok && p.Overhead() < std.Overhead() {
		chosen = append(chosen, p)
	}
	if p, ok := oneZonePolicy(zones); ok && p.Overhead() < std.Overhead() {
		chosen = append(chosen, p)
	}
	for i := range chosen {
		p := &chosen[i]
		p.ID = PolicyID(i + 1)
		p.Fallback = fallbackLevel(t, *p)
		promise, err := Promise(t, *p)
		if err != nil {
			return nil, err
		}
		p.Label = p.Code() + ", " + promise.String()
	}
	return chosen, nil
}

// shapes describes the zones that have disks which take shards.
func shapes(t *Topology) []zoneShape {
	// The weakest node of a zone decides: a code that only some nodes can hold would
	// leave the others empty.
	ps := newPools(t, anywhere)
	var out []zoneShape
	for z := range ps.zones {
		p := &ps.zones[z]
		if len(p.disks) == 0 {
			continue
		}
		perNode := make(map[int32]int, p.nodes)
		for _, d := range p.disks {
			perNode[t.nodeOf[d]]++
		}
		s := zoneShape{nodes: p.nodes, perNode: len(p.disks), capacity: p.cum[len(p.cum)-1]}
		for _, n := range perNode {
			s.perNode = min(s.perNode, n)
		}
		out = append(out, s)
	}
	return out
}

func standardPolicy(zones []zoneShape) Policy {
	switch {
	case len(zones) >= 3:
		// With m = q+1 and at most q shards a zone, a zone and one more node may go.
		p, _ := bestSpread(zones, func(q, n int) int { return q + 1 })
		p.Level = LevelZone
		return p
		// Half of the shards in each zone: the loss of either leaves k, and then nothing
		// to spare. Two zones cannot do better.
	case len(zones) == 2:
		q := min(zones[0].nodes, zones[1].nodes, 3)
		return Policy{K: uint8(q), M: uint8(q), Level: LevelZone}
	case zones[0].nodes > 1:
		return flat(min(zones[0].nodes, maxChosen), LevelNode)
	}
	return flat(min(zones[0].perNode, maxChosen), LevelDisk)
}

// economyPolicy survives a zone and no more; at least two parity shards keep a
// failed disk from meeting a bad sector.
func economyPolicy(zones []zoneShape) (Policy, bool) {
	if len(zones) < 3 {
		return Policy{}, false
	}
	p, ok := bestSpread(zones, func(q, n int) int { return max(q, 2) })
	p.Class, p.Level = store.ClassEconomy, LevelNode
	return p, ok
}

// oneZonePolicy is a code within one zone, possible in every zone; with fewer
// than six nodes a zone two shards share a node.
func oneZonePolicy(zones []zoneShape) (Policy, bool) {
	if len(zones) < 2 {
		return Policy{}, false
	}
	least := slices.MinFunc(zones, func(a, b zoneShape) int { return cmp.Compare(a.nodes, b.nodes) })
	n := min(least.nodes, maxChosen)
	if n >= 3 && n < 6 && least.perNode >= 2 {
		n = 6
	}
	if n < 6 {
		return Policy{}, false
	}
	p := flat(n, LevelNode)
	p.Class = store.ClassOneZone
	return p, true
}

// flat is the code for n equal domains without zones.
func flat(n int, level Level) Policy {
	m := max(2, n/3)
	switch {
	case n <= 2:
		m = n - 1
	case n == 3 && level == LevelDisk:
		m = 1
	}
	return Policy{K: uint8(n - m), M: uint8(m), Level: level}
}

// bestSpread tries at most q shards a zone for each q, one a node, with
// parity(q, n) parity shards, and returns the code that stores most payload on
// these zones; among equals the one with less overhead, then more parity.
func bestSpread(zones []zoneShape, parity func(q, n int) int) (best Policy, ok bool) {
	// Payload, not overhead, is what is compared: a code of little overhead that
	// cannot use the larger zones stores less.
	bestPayload := 0.0
	for q := 1; q < maxChosen; q++ {
		n := 0
		for _, z := range zones {
			n += min(z.nodes, q)
		}
		n = min(n, maxChosen)
		m := parity(q, n)
		if n >= wideCode {
			m = max(m, 3)
		}
		if m >= n {
			break
		}
		p := Policy{K: uint8(n - m), M: uint8(m)}
		// Within a thousandth is equal: the fractions are sums of roundings.
		payload := float64(p.K) * rowsThatFit(zones, n, q)
		if payload > bestPayload*1.001 || payload > bestPayload*0.999 && p.Overhead() <= best.Overhead() {
			best, bestPayload, ok = p, payload, true
		}
	}
	return best, ok
}

// rowsThatFit returns how many rows of n shards of one byte, at most q a zone
// and one a node, the zones hold when the rows take turns in where they begin.
func rowsThatFit(zones []zoneShape, n, q int) float64 {
	used := make([]float64, len(zones))
	for first := range zones {
		count := make([]int, len(zones))
		for left := n; left > 0; {
			before := left
			for i := range zones {
				z := (first + i) % len(zones)
				if left > 0 && count[z] < min(q, zones[z].nodes) {
					count[z]++
					left--
				}
			}
			if left == before {
				return 0
			}
		}
		for z, c := range count {
			used[z] += float64(c) / float64(len(zones))
		}
	}
	// The zone that is full first ends it.
	fit := zones[0].capacity / used[0]
	for z := range zones {
		fit = min(fit, zones[z].capacity/used[z])
	}
	return fit
}

// fallbackLevel returns the widest domain below zones that fallback rows of the
// policy would survive, LevelNone if none would or none are needed.
func fallbackLevel(t *Topology, p Policy) Level {
	if p.Class == store.ClassOneZone {
		return LevelNone // a zone that is away is avoided by taking another's rows
	}
	for _, level := range []Level{LevelNode, LevelDisk} {
		if p.Fallback = level; p.Level >= level && len(fallbackHomes(t, p)) > 0 {
			return level
		}
	}
	return LevelNone
}
