package placement

// The rule for three zones. "All n shards" makes one slow disk a slow write;
// "any k+1" may leave a fresh blob on two zones of which one is then lost. Counting
// what the worst loss leaves does neither, and costs nothing where the code is
// wide enough that a slow node may be missing: RS(5,4) over three zones of three
// is acknowledged with eight, three copies with two.

// Acked reports whether a write may be acknowledged when the shards in mask
// (bit i is shard i) are durable: losing any one failure domain, of the level
// that the row promises, must leave k of them:
//
//	|acked| − max acked per domain ≥ k
//
// A policy without redundancy promises nothing and needs all its shards.
func (p Policy) Acked(pg *PG, t *Topology, mask uint16) bool {
	return p.AckedAt(p.AckLevel(pg), pg, t, mask)
}

// AckLevel returns the failure domain that an acknowledged write in the row
// survives.
func (p Policy) AckLevel(pg *PG) Level {
	if pg.Class == PGFallback {
		return p.Fallback
	}
	return p.Level
}

// AckedAt is [Policy.Acked] for another level: what a writer falls back to when
// no row can keep its promise, for instance three copies on three one-disk nodes
// of which one is down. A shard on a disk that t does not know does not count.
func (p Policy) AckedAt(level Level, pg *PG, t *Topology, mask uint16) bool {
	// On the stack: this runs for every acknowledgement that comes in.
	var domains [MaxShards]int32
	var counts [MaxShards]int
	seen, acked, worst := 0, 0, 0
	for i, disk := range pg.Holders[:min(len(pg.Holders), MaxShards)] {
		if mask&(1<<i) == 0 {
			continue
		}
		dom, ok := t.domain(disk, level)
		if !ok {
			continue
		}
		acked++
		j := 0
		for j < seen && domains[j] != dom {
			j++
		}
		if j == seen {
			domains[j] = dom
			seen++
		}
		counts[j]++
		worst = max(worst, counts[j])
	}
	if p.M == 0 {
		return acked == p.N()
	}
	return acked-worst >= int(p.K)
}
