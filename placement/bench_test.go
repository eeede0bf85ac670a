package placement

import "testing"

// BenchmarkThousandNodes times the planner's work on 1,002 nodes and 12,024
// disks of 20 TB: about 614,000 rows.
func BenchmarkThousandNodes(b *testing.B) {
	top := must(uniform(3, 334, 12).Edit(func(_ *Node, d *Disk) { d.Capacity = 20e12 }))
	policies := must(ChoosePolicies(top))
	counts := Counts(top, policies)
	rows := must(Build(top, policies, counts, 1))
	lost := must(top.Edit(func(n *Node, d *Disk) {
		if n.ID == 5 {
			d.Admin = DiskOut
		}
	}))
	b.Run("build", func(b *testing.B) {
		for b.Loop() {
			must(Build(top, policies, counts, 1))
		}
	})
	b.Run("margins", func(b *testing.B) {
		for b.Loop() {
			Margins(top, policies, rows, nil, nil)
		}
	})
	b.Run("replace a node", func(b *testing.B) {
		for b.Loop() {
			must(Replace(lost, policies, rows))
		}
	})
	b.Run("plan without a node", func(b *testing.B) {
		for b.Loop() {
			must(NewPlan(top, lost, policies, rows, Options{}))
		}
	})
}
