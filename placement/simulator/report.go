package simulator

import (
	"fmt"
	"time"

	"cairn/placement"
)

func (r *run) printf(format string, args ...any) { fmt.Fprintf(r.w, format, args...) }

func (r *run) header(build time.Duration) {
	r.printf("%d zones, %d nodes, %d disks of %.0f TB; %d rows built in %v\n", r.cfg.Zones, len(r.Topology.Nodes()),
		len(r.Topology.Disks()), float64(r.cfg.DiskBytes)/1e12, len(r.Rows), build.Round(time.Millisecond))
	for _, p := range r.Policies {
		r.printf("  policy %d: %s\n", p.ID, p.Label)
	}
	r.balance()
}

// balance prints how evenly the standard rows lie.
func (r *run) balance() {
	p := r.Policies[0]
	usable := placement.Usable(r.Topology, p.ID, r.Rows)
	r.printf("  balance of %s: %.1f %% of the raw capacity usable; fullest disk %.3f of the mean\n",
		p.Code(), 100*usable, 1/usable)
}

// left prints the normal rows by the redundancy they have while only live disks
// answer.
func (r *run) left(live func(placement.DiskID) bool) {
	for _, h := range placement.Margins(r.Topology, r.Policies, r.Rows, live, nil) {
		r.printf("  %s, spare shards:", r.policy[h.Policy].Code())
		for left, n := range h.Left {
			if n > 0 {
				r.printf(" %d left: %d rows;", left, n)
			}
		}
		if h.Unreadable > 0 {
			r.printf(" unreadable: %d rows;", h.Unreadable)
		}
		r.printf(" now %v\n", h.Margin)
	}
}

func (r *run) slots() (n int) {
	for i := range r.Rows {
		n += len(r.Rows[i].Holders)
	}
	return n
}

// trials is the number of random failures drawn per line of correlated.
const trials = 5

// correlated prints what is lost when a zone and some random nodes fail at the
// same time, before anything is rebuilt.
func (r *run) correlated() error {
	r.printf("\nlost at the same time, mean of %d draws: share of rows unreadable\n", trials)
	for extra := 1; extra <= 4; extra++ {
		unreadable := make(map[placement.PolicyID]int)
		rows := make(map[placement.PolicyID]int)
		for range trials {
			for _, h := range placement.Margins(r.Topology, r.Policies, r.Rows, r.drawLive(extra), nil) {
				unreadable[h.Policy] += h.Unreadable
				rows[h.Policy] += h.Rows
			}
		}
		r.printf("  1 zone and %d nodes:", extra)
		for _, p := range r.Policies {
			r.printf("  %s %.2g", p.Code(), float64(unreadable[p.ID])/float64(rows[p.ID]))
		}
		r.printf("\n")
	}
	return nil
}

// drawLive returns the disks that live when a random zone and some random nodes
// are lost.
func (r *run) drawLive(nodes int) func(placement.DiskID) bool {
	zone := r.Topology.Zones()[r.rand.IntN(len(r.Topology.Zones()))]
	lost := make(map[placement.NodeID]bool)
	for range nodes {
		lost[r.anyNode()] = true
	}
	return func(d placement.DiskID) bool {
		n, ok := r.Topology.NodeOf(d)
		return ok && n.Zone != zone && !lost[n.ID]
	}
}

func duration(d time.Duration, exact bool) string {
	if !exact {
		return "at least " + d.Round(time.Minute).String()
	}
	return d.Round(time.Minute).String()
}
