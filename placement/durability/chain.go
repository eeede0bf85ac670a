package durability

import (
	"cmp"
	"slices"

	"cairn/store"
)

// zone is the state of one zone's shards.
type zone struct {
	size         int
	lost, latent int
	destroyed    bool // then lost == size
}

func (z zone) bad() int { return z.lost + z.latent }

// compareZones orders the zones of a state, so that states that differ only in
// which of two equal zones is which are one state.
func compareZones(a, b zone) int {
	d := 0
	if a.destroyed != b.destroyed {
		d = 1
		if b.destroyed {
			d = -1
		}
	}
	return cmp.Or(cmp.Compare(a.size, b.size), d, cmp.Compare(a.lost, b.lost), cmp.Compare(a.latent, b.latent))
}

// chain is a Markov chain; state 0 has all shards, the last state is "data is
// lost" and leads back to state 0.
type chain struct {
	in    Input
	m     int
	index map[string]int
	zones [][]zone
	rate  [][]float64 // rate[i][j] from state i to j
}

// edge is a transition out of a state.
type edge struct {
	to   []zone
	rate float64
}

func newChain(in Input, k int, sizes []int) (*chain, error) {
	c := &chain{in: in, index: make(map[string]int)}
	start := make([]zone, len(sizes))
	for i, n := range sizes {
		start[i].size = n
		c.m += n
	}
	c.m -= k
	c.state(start)
	var edges [][]edge
	for i := 0; i < len(c.zones); i++ {
		if i >= maxStates {
			return nil, store.Errorf(store.KindTooLarge, "compute durability", "zones %v have more than %d states", sizes, maxStates)
		}
		out := c.edges(c.zones[i])
		for _, e := range out {
			if badShards(e.to) <= c.m {
				c.state(e.to)
			}
		}
		edges = append(edges, out)
	}
	c.fill(edges)
	return c, nil
}

// fill makes the matrix of rates.
func (c *chain) fill(edges [][]edge) {
	n := len(c.zones) + 1
	cells := make([]float64, n*n)
	c.rate = make([][]float64, n)
	for i := range c.rate {
		c.rate[i] = cells[i*n : (i+1)*n]
	}
	for i, out := range edges {
		for _, e := range out {
			j := n - 1
			if badShards(e.to) <= c.m {
				j = c.state(e.to)
			}
			c.rate[i][j] += e.rate
		}
	}
	c.rate[n-1][0] = 1
}

func badShards(zones []zone) (n int) {
	for _, z := range zones {
		n += z.bad()
	}
	return n
}

// state returns the number of a state, a new one if it is new. It sorts zones.
func (c *chain) state(zones []zone) int {
	slices.SortFunc(zones, compareZones)
	key := make([]byte, 0, 4*len(zones))
	for _, z := range zones {
		key = append(key, byte(z.size), byte(z.lost), byte(z.latent), 0)
		if z.destroyed {
			key[len(key)-1] = 1
		}
	}
	i, ok := c.index[string(key)]
	if !ok {
		i = len(c.zones)
		c.index[string(key)] = i
		c.zones = append(c.zones, zones)
	}
	return i
}

// edges lists what can happen in a state.
func (c *chain) edges(s []zone) (out []edge) {
	in := c.in
	for i, z := range s {
		add := func(next zone, rate float64) {
			if rate > 0 {
				to := slices.Clone(s)
				to[i] = next
				out = append(out, edge{to, rate})
			}
		}
		if z.destroyed {
			add(zone{size: z.size}, perYear(in.ZoneRepair))
			continue
		}
		good := float64(z.size - z.bad())
		add(zone{size: z.size, lost: z.lost + 1, latent: z.latent}, good*in.AFR)
		add(zone{size: z.size, lost: z.lost, latent: z.latent + 1}, good*in.BitRot)
		if z.latent > 0 {
			add(zone{size: z.size, lost: z.lost + 1, latent: z.latent - 1}, float64(z.latent)*in.AFR)
			if in.Scrub > 0 {
				add(zone{size: z.size, lost: z.lost, latent: z.latent - 1}, float64(z.latent)*perYear(in.Scrub/2))
			}
		}
		if z.lost > 0 {
			add(zone{size: z.size, lost: z.lost - 1, latent: z.latent}, float64(z.lost)*perYear(in.DiskRepair))
		}
		add(zone{size: z.size, lost: z.size, destroyed: true}, in.ZoneDestroyed)
	}
	return out
}

// lossRate eliminates the states from the last to the first (GTH): removing
// state n redirects what enters it to where it leads, in proportion. No step
// subtracts. What remains gives the stationary probabilities back to front, and
// the loss rate is the flow into the lost state over the time spent elsewhere.
func (c *chain) lossRate() float64 {
	n := len(c.rate)
	lost := n - 1
	intoLost := make([]float64, n) // the elimination overwrites the rates
	for i := range lost {
		intoLost[i] = c.rate[i][lost]
	}
	exit := make([]float64, n)
	for s := lost; s > 0; s-- {
		for j := range s {
			exit[s] += c.rate[s][j]
		}
		for i := range s {
			if share := c.rate[i][s] / exit[s]; share > 0 {
				for j := range s {
					if j != i {
						c.rate[i][j] += share * c.rate[s][j]
					}
				}
			}
		}
	}
	p := make([]float64, n)
	p[0] = 1
	total, flow := 1.0, intoLost[0]
	for s := 1; s < lost; s++ {
		for i := range s {
			p[s] += p[i] * c.rate[i][s]
		}
		p[s] /= exit[s]
		total += p[s]
		flow += p[s] * intoLost[s]
	}
	return flow / total
}
