package placement

import (
	"fmt"

	"pgregory.net/rapid"
)

// uniform returns a topology of equal zones; nodes and disks count from 1.
func uniform(zones, nodes, disks int) *Topology {
	shape := make([]int, zones)
	for z := range shape {
		shape[z] = nodes
	}
	return uneven(shape, disks)
}

// uneven returns a topology with nodes[z] nodes in zone z.
func uneven(nodes []int, disks int) *Topology {
	var ns []Node
	var ds []Disk
	for z, count := range nodes {
		for range count {
			id := NodeID(len(ns) + 1)
			ns = append(ns, Node{ID: id, Name: fmt.Sprintf("n%d", id), Zone: string(rune('a' + z))})
			for range disks {
				ds = append(ds, Disk{ID: DiskID(len(ds) + 1), Node: id, Capacity: 1e12})
			}
		}
	}
	t, err := NewTopology(ns, ds)
	if err != nil {
		panic(err)
	}
	return t
}

// drawTopology draws a small cluster of any shape, with unequal disks.
func drawTopology(t *rapid.T) *Topology {
	var ns []Node
	var ds []Disk
	for z := range rapid.IntRange(1, 5).Draw(t, "zones") {
		for range rapid.IntRange(1, 5).Draw(t, "nodes") {
			id := NodeID(len(ns) + 1)
			ns = append(ns, Node{ID: id, Zone: string(rune('a' + z))})
			for range rapid.IntRange(1, 3).Draw(t, "disks") {
				size := rapid.Int64Range(1, 4).Draw(t, "TB")
				ds = append(ds, Disk{ID: DiskID(len(ds) + 1), Node: id, Capacity: size * 1e12})
			}
		}
	}
	top, err := NewTopology(ns, ds)
	if err != nil {
		t.Fatal(err)
	}
	return top
}

// must panics on an error in a test's set-up.
func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// fewCounts builds 24 rows a policy.
func fewCounts(policies []Policy) map[PolicyID]int {
	counts := make(map[PolicyID]int)
	for _, p := range policies {
		counts[p.ID] = 24
	}
	return counts
}
