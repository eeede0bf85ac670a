package node

import (
	"cairn/node/fabric"
	"cairn/node/fill"
	"cairn/node/health"
	"cairn/node/raftgroup"
	"cairn/node/worker"
)

// serveReport answers those who ask how this node is.
func (n *Node) serveReport() {
	health.Serve(n.fabric, health.Source{
		Node: n.id.Node, Build: Version, Started: n.started,
		Host: n.host, Groups: n.Groups, Disks: n.data.Disks, View: n.root.View(),
		Owed: n.owed,
		Fills: func() []fill.Progress {
			if !n.isReady() {
				return nil
			}
			return n.filler.Progress()
		},
	})
}

// owed returns what the groups that this node leads owe, as far as it has looked.
func (n *Node) owed() map[raftgroup.GroupID]worker.GroupStats {
	if !n.isReady() {
		return nil
	}
	return n.worker.Stats()
}

// Groups returns the node's replicas, that of the root group first.
func (n *Node) Groups() []*raftgroup.Group {
	groups := n.meta.Groups()
	if g := n.rootServer.Raft(); g != nil {
		groups = append([]*raftgroup.Group{g}, groups...)
	}
	return groups
}

func (n *Node) isReady() bool {
	select {
	case <-n.ready:
		return true
	default:
		return false
	}
}

// Fabric returns the node's connection to the others.
func (n *Node) Fabric() fabric.Fabric { return n.fabric }
