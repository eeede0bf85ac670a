package root

import (
	"cmp"
	"context"
	"slices"
	"time"

	"cairn/placement"
	pb "cairn/proto"
	"cairn/store"
)

// Voters of the groups: five roots over three zones, or what there is; three
// of a metadata group, one a zone.
const (
	rootVoters = 5
	metaVoters = 3
)

// form makes the first placement once all expected nodes have joined and live.
func (p *Planner) form(ctx context.Context) error {
	view := p.client.view
	cluster := view.Cluster()
	nodes := view.Nodes()
	if len(cluster.ClusterId) == 0 || len(nodes) < int(cluster.ExpectNodes) {
		return nil
	}
	for _, n := range nodes {
		if !p.server.beats.up(placement.NodeID(n.Id), time.Now()) {
			return nil
		}
	}
	form, err := plan(view, int(cluster.MetaGroups))
	if err != nil {
		return err
	}
	p.log.Info("cluster forms", "nodes", len(nodes), "groups", len(form.Pgs))
	err = p.client.Propose(ctx, &pb.RootCommand{Cmd: &pb.RootCommand_Form{Form: form}}, nil)
	if store.Is(err, store.KindConflict) {
		return nil // an earlier leader did it
	}
	return err
}

// plan chooses policies, rows and groups for the nodes of a view.
func plan(view *View, metaGroups int) (*pb.Form, error) {
	topo, err := view.Topology()
	if err != nil {
		return nil, err
	}
	policies, err := placement.ChoosePolicies(topo)
	if err != nil {
		return nil, err
	}
	rows, err := placement.Build(topo, policies, placement.Counts(topo, policies), 1)
	if err != nil {
		return nil, err
	}
	form := &pb.Form{}
	for _, pol := range policies {
		form.Policies = append(form.Policies, &pb.PolicyRow{Policy: uint32(pol.ID), Row: placement.AppendPolicy(nil, pol)})
	}
	for i := range rows {
		form.Pgs = append(form.Pgs, &pb.PGRow{Pg: uint32(rows[i].ID), Row: placement.AppendPG(nil, &rows[i])})
	}
	nodes := view.Nodes()
	form.Groups = append(form.Groups, groupOver(nodes, uint32(Group), rootVoters, 0))
	for g := range max(metaGroups, 1) {
		form.Groups = append(form.Groups, groupOver(nodes, uint32(g+1), metaVoters, g))
	}
	return form, nil
}

// groupOver chooses the voters of a group: one zone after the other, and in
// each zone the node whose turn it is. An even number of voters would survive
// no more than one fewer.
func groupOver(nodes []*pb.NodeRow, id uint32, voters, turn int) *pb.GroupRow {
	zones := map[string][]*pb.NodeRow{}
	var names []string
	for _, n := range nodes {
		if zones[n.Zone] == nil {
			names = append(names, n.Zone)
		}
		zones[n.Zone] = append(zones[n.Zone], n)
	}
	slices.Sort(names)
	for _, z := range zones {
		slices.SortFunc(z, func(a, b *pb.NodeRow) int { return cmp.Compare(a.Id, b.Id) })
	}
	voters = min(voters, len(nodes))
	if voters%2 == 0 {
		voters--
	}
	row := &pb.GroupRow{Id: id}
	for round := 0; len(row.Members) < voters; round++ {
		for _, z := range names {
			if list := zones[z]; round < len(list) && len(row.Members) < voters {
				n := list[(turn+round)%len(list)]
				row.Members = append(row.Members, &pb.GroupMember{Node: n.Id, Incarnation: n.Incarnation})
			}
		}
	}
	return row
}
