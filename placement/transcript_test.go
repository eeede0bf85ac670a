package placement

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"

	"cairn/store"
)

// script is the state of one transcript.
type script struct {
	top      *Topology
	policies []Policy
	rows     []PG
}

// TestTranscripts runs testdata; -rewrite writes the outputs anew.
//
//	cluster zones=(2,2,2) disks=1        nodes by zone, disks a node
//	policies                             what is chosen
//	build rows=4                         rows a policy; prints them unless quiet
//	plan|whatif CHANGE…                  CHANGE: drain=N out=DISK weight=(N,PERCENT) zone-out=a add=a, or force
//	apply CHANGE…                        plan, and make it so
//	lose disks=(1,2)                     the disks are out, without a plan
//	replace                              begins the repairs that may begin
func TestTranscripts(t *testing.T) {
	datadriven.Walk(t, "testdata/transcripts", func(t *testing.T, path string) {
		s := &script{}
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			out, err := s.run(t, d)
			if err != nil {
				return out + fmt.Sprintf("error: %v\n", err)
			}
			return out
		})
	})
}

func (s *script) run(t *testing.T, d *datadriven.TestData) (string, error) {
	switch d.Cmd {
	case "cluster":
		return "", s.cluster(d)
	case "policies":
		return s.describe()
	case "build":
		return s.build(t, d)
	case "plan", "whatif", "apply":
		return s.plan(t, d)
	case "lose":
		return "", s.lose(d)
	case "replace":
		return s.replace()
	}
	return "", fmt.Errorf("unknown command %s", d.Cmd)
}

func (s *script) cluster(d *datadriven.TestData) (err error) {
	var zones []int
	disks := 1
	for _, arg := range d.CmdArgs {
		for i := range arg.Vals {
			var n int
			if _, err := fmt.Sscan(arg.Vals[i], &n); err != nil {
				return err
			}
			if arg.Key == "disks" {
				disks = n
			} else {
				zones = append(zones, n)
			}
		}
	}
	s.top = uneven(zones, disks)
	s.policies, err = ChoosePolicies(s.top)
	return err
}

func (s *script) describe() (string, error) {
	var b strings.Builder
	classes := []string{store.ClassStandard: "standard", store.ClassEconomy: "economy", store.ClassOneZone: "one zone"}
	for _, p := range s.policies {
		fmt.Fprintf(&b, "%d %s: %s; overhead %.2f; acked at %v level, fallback %v\n",
			p.ID, classes[p.Class], p.Label, p.Overhead(), p.Level, p.Fallback)
	}
	return b.String(), nil
}

func (s *script) build(t *testing.T, d *datadriven.TestData) (out string, err error) {
	var n int
	d.MaybeScanArgs(t, "rows", &n)
	counts := make(map[PolicyID]int)
	for _, p := range s.policies {
		counts[p.ID] = n
	}
	if s.rows, err = Build(s.top, s.policies, counts, 1); err != nil || d.HasArg("quiet") {
		return "", err
	}
	return s.show(), nil
}

func (s *script) show() string {
	var b strings.Builder
	for i := range s.rows {
		pg := &s.rows[i]
		fmt.Fprintf(&b, "%d: policy %d %v %v", pg.ID, pg.Policy, pg.Class, pg.Holders)
		if pg.Prev != nil {
			fmt.Fprintf(&b, " leaving %v", pg.Prev)
		}
		b.WriteString("\n")
	}
	return b.String()
}

// changed applies the arguments of a command to the topology.
func (s *script) changed(d *datadriven.TestData) (*Topology, error) {
	nodes, disks := slices.Clone(s.top.Nodes()), slices.Clone(s.top.Disks())
	for _, arg := range d.CmdArgs {
		if len(arg.Vals) == 0 {
			continue
		}
		v := arg.Vals[0]
		set := func(is func(Disk) bool, state AdminState) {
			for i := range disks {
				if is(disks[i]) {
					disks[i].Admin = state
				}
			}
		}
		switch arg.Key {
		case "drain":
			set(func(x Disk) bool { return fmt.Sprint(x.Node) == v }, DiskDraining)
		case "out":
			set(func(x Disk) bool { return fmt.Sprint(x.ID) == v }, DiskOut)
		case "zone-out":
			set(func(x Disk) bool { n, _ := s.top.Node(x.Node); return n.Zone == v }, DiskOut)
		case "add":
			id := NodeID(len(nodes) + 1)
			nodes = append(nodes, Node{ID: id, Zone: v})
			disks = append(disks, Disk{ID: DiskID(len(disks) + 1), Node: id, Capacity: 1e12})
		case "weight":
			for i := range nodes {
				if fmt.Sprint(nodes[i].ID) == v {
					fmt.Sscan(arg.Vals[1], &nodes[i].Weight)
				}
			}
		}
	}
	return NewTopology(nodes, disks)
}

func (s *script) plan(t *testing.T, d *datadriven.TestData) (string, error) {
	top, err := s.changed(d)
	if err != nil {
		return "", err
	}
	opt := Options{Force: d.HasArg("force")}
	if d.HasArg("used-gb") {
		var gb int64
		d.MaybeScanArgs(t, "used-gb", &gb)
		opt.SlotBytes = func(*PG) int64 { return gb * 1e9 }
	}
	if d.Cmd == "whatif" {
		return s.whatif(top, opt)
	}
	plan, err := NewPlan(s.top, top, s.policies, s.rows, opt)
	if err != nil {
		return "", err
	}
	if d.Cmd == "apply" {
		s.top, s.rows = top, applied(s.rows, plan.Moves)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%d moves, at least %d needed, %d stuck\n", len(plan.Moves), plan.Ideal, len(plan.Stuck))
	if !d.HasArg("quiet") {
		b.WriteString(moves(plan.Moves))
	}
	return b.String(), nil
}

func (s *script) whatif(top *Topology, opt Options) (string, error) {
	f, err := WhatIf(s.top, top, s.policies, s.rows, opt)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	if f.Refused != nil {
		fmt.Fprintf(&b, "refused: %v\n", f.Refused)
	}
	if f.Plan != nil {
		fmt.Fprintf(&b, "%d moves of %d GB, fullest disk %.0f %%\n", len(f.Plan.Moves), f.Plan.Bytes/1e9, 100*f.Fullest)
	}
	for _, p := range f.Policies {
		fmt.Fprintf(&b, "policy %d: %v -> %v; %.0f %% usable\n", p.Policy, p.Before, p.After, 100*p.Usable)
	}
	return b.String(), nil
}

func (s *script) lose(d *datadriven.TestData) (err error) {
	s.top, err = s.top.Edit(func(_ *Node, x *Disk) {
		if slices.Contains(d.CmdArgs[0].Vals, fmt.Sprint(x.ID)) {
			x.Admin = DiskOut
		}
	})
	return err
}

func (s *script) replace() (string, error) {
	ms, err := Replace(s.top, s.policies, s.rows)
	for _, m := range ms {
		pg := &s.rows[slices.IndexFunc(s.rows, func(p PG) bool { return p.ID == m.PG })]
		next, err := pg.Begin(m)
		if err != nil {
			return "", err
		}
		*pg = next
	}
	return moves(ms), err
}

func moves(ms []Move) string {
	var b strings.Builder
	for _, m := range ms {
		fmt.Fprintf(&b, "group %d slot %d: disk %d -> %d (%v)\n", m.PG, m.Slot, m.From, m.To, m.Why)
	}
	return b.String()
}
