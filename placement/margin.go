package placement

import (
	"fmt"
	"math"
)

// Margin is what something still survives, in any choice of what is lost.
type Margin struct {
	// After[z] is how many nodes may be lost on top of any z zones; -1 means
	// that z zones may not be lost.
	After [3]int
	// Disks is how many disks may be lost. Negative means that data is
	// unreadable now: so many shards are too few.
	Disks int
}

// unlimited is the margin of nothing; it is above every other.
var unlimited = Margin{After: [3]int{math.MaxInt, math.MaxInt, math.MaxInt}, Disks: math.MaxInt}

// Zones returns how many zones may be lost.
func (m Margin) Zones() int {
	for z := len(m.After) - 1; z > 0; z-- {
		if m.After[z] >= 0 {
			return z
		}
	}
	return 0
}

// The worst rows of two sets need not be the same in each column, so what And
// returns may be what no single row survives; it is what all of them do.

// And returns what survives if both do.
func (m Margin) And(o Margin) Margin {
	for z := range m.After {
		m.After[z] = min(m.After[z], o.After[z])
	}
	m.Disks = min(m.Disks, o.Disks)
	return m
}

// Below reports whether m survives less than o: fewer zones, or as many and
// then fewer nodes, or fewer disks.
func (m Margin) Below(o Margin) bool {
	if m.Zones() != o.Zones() {
		return m.Zones() < o.Zones()
	}
	z := m.Zones()
	return m.After[z] < o.After[z] || m.After[z] == o.After[z] && m.Disks < o.Disks
}

// String returns the margin in words: "survives the loss of 1 zone and 1 more
// node".
func (m Margin) String() string {
	switch z := m.Zones(); {
	case m == unlimited:
		return "holds nothing"
	case m.Disks < 0:
		return "unreadable: too few shards are left"
	case m.After[1] > 0:
		text := fmt.Sprintf("survives the loss of 1 zone and %d more %s", m.After[1], noun(m.After[1], "node"))
		if z > 1 {
			text += fmt.Sprintf(", or of %d zones", z)
		}
		return text
	case z == 1:
		return "survives the loss of 1 zone, no more"
	case m.After[0] > 0:
		return fmt.Sprintf("survives the loss of %s, not of a zone", plural(m.After[0], "node"))
	case m.Disks > 0:
		return fmt.Sprintf("survives the loss of %s, not of a node", plural(m.Disks, "disk"))
	}
	return "no redundancy, survives no loss"
}

func noun(n int, word string) string {
	if n == 1 {
		return word
	}
	return word + "s"
}

func plural(n int, word string) string { return fmt.Sprintf("%d %s", n, noun(n, word)) }
