package placement

import (
	"fmt"

	"cairn/store"
)

// fullDisk is the share of a disk's capacity beyond which a plan may not fill
// it; above it disks refuse writes.
const fullDisk = 0.95

// What an operator asks for is refused while it can still be asked for otherwise:
// once the shards have moved, the promise that data was stored under is broken.

// checkSafety refuses a topology on which a policy that has rows would survive
// less than on old, or on which its rows cannot be placed at all.
func checkSafety(old, t *Topology, policies []Policy, groups []*group, force bool) error {
	hasRows := make(map[PolicyID]bool)
	for _, g := range groups {
		hasRows[g.policy.ID] = true
	}
	for _, p := range policies {
		// A policy without rows has nothing to lose. One zone fewer takes a one-zone
		// row's home away, not its promise, while another zone can be its home.
		if !hasRows[p.ID] || p.Class == store.ClassOneZone && len(normalHomes(t, p)) > 0 {
			continue
		}
		after, err := Promise(t, p)
		if err != nil {
			return err
		}
		before, err := Promise(old, p)
		if err != nil || force || !after.Below(before) {
			continue
		}
		return belowSafety(t, p, before, after)
	}
	return nil
}

func belowSafety(t *Topology, p Policy, before, after Margin) error {
	zones, nodes, disks := newPools(t, anywhere).live()
	return &store.Error{
		Op: "plan", Kind: store.KindPrecondition, Reason: "below-safety", Resource: p.Code(),
		Err: fmt.Errorf("with %s, %s and %s left it %s; now it %s",
			plural(zones, "zone"), plural(nodes, "node"), plural(disks, "disk"), after, before),
		Hint: "add nodes or disks first, or force it",
	}
}

// checkFill looks at the end of the plan only. While it runs a disk may hold a
// little more, as a slot is dropped at its old place after it is complete at the
// new one; the rest of the capacity is there for that.
func checkFill(t *Topology, after []int64) error {
	worst, ratio := -1, fullDisk
	for i, b := range after {
		if r := float64(b) / float64(t.disks[i].Capacity); t.disks[i].Admin == DiskIn && r > ratio {
			worst, ratio = i, r
		}
	}
	if worst < 0 {
		return nil
	}
	return &store.Error{
		Op: "plan", Kind: store.KindPrecondition, Reason: "full", Resource: fmt.Sprintf("disk %d", t.disks[worst].ID),
		Err: fmt.Errorf("it would be %.0f %% full, more than %.0f", 100*ratio, 100*fullDisk), Hint: "add capacity in its zone first",
	}
}
