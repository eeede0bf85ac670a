package root

import (
	"bytes"
	"fmt"

	"google.golang.org/protobuf/proto"

	"cairn/placement"
	pb "cairn/proto"
	"cairn/store"
)

// register adds a node and its disks, or brings the row of a known node up to
// date. A node is known by its name; one that comes with a new incarnation has
// lost its data directory: it keeps its number, and Raft sees a new server. A
// disk is known by its uuid, wherever it is plugged in.
func (ch *change) register(r *pb.RegisterNode) (proto.Message, error) {
	var cluster pb.ClusterRow
	ok, err := ch.get(keyCluster, &cluster)
	if err != nil {
		return nil, err
	}
	if err := checkNode(r.GetNode(), ok); err != nil {
		return nil, err
	}
	reply := &pb.RegisterReply{ClusterId: cluster.ClusterId}
	old, err := ch.nodeByName(r.Node.Name)
	if err != nil {
		return nil, err
	}
	node := proto.Clone(r.Node).(*pb.NodeRow)
	switch {
	case old == nil && node.Id != 0:
		return nil, store.Errorf(store.KindInvalid, "register node", "%s claims to be node %d, which does not exist", node.Name, node.Id)
	case old == nil:
		if err := ch.counters(func(c *pb.CountersRow) { c.Node++; node.Id = c.Node }); err != nil {
			return nil, err
		}
	case old.Zone != node.Zone:
		return nil, &store.Error{
			Op: "register node", Kind: store.KindConflict, Resource: node.Name,
			Err:  fmt.Errorf("it was in zone %s and now says zone %s", old.Zone, node.Zone),
			Hint: "a node stays in its zone: join it under a new name",
		}
	default:
		node.Id = old.Id
	}
	reply.Node = node.Id
	if old == nil || !proto.Equal(old, node) {
		ch.put(keyU32(colNode, node.Id), node)
	}
	for _, d := range r.Disks {
		id, err := ch.registerDisk(node.Id, d)
		if err != nil {
			return nil, err
		}
		reply.Disks = append(reply.Disks, id)
	}
	return reply, nil
}

func checkNode(n *pb.NodeRow, haveCluster bool) error {
	bad := func(f string, a ...any) error { return store.Errorf(store.KindInvalid, "register node", f, a...) }
	switch {
	case !haveCluster:
		return bad("there is no cluster yet")
	case n == nil:
		return bad("no node given")
	case !validLabel(n.Name):
		return bad("name %q: 1 to 63 letters, digits, '-', '_' or '.'", n.Name)
	case !validLabel(n.Zone):
		return bad("zone %q: 1 to 63 letters, digits, '-', '_' or '.'", n.Zone)
	case len(n.Incarnation) != 16:
		return bad("incarnation of %d bytes", len(n.Incarnation))
	}
	return nil
}

func validLabel(s string) bool {
	if len(s) == 0 || len(s) > 63 {
		return false
	}
	for _, c := range []byte(s) {
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '_' || c == '.') {
			return false
		}
	}
	return true
}

// nodeByName scans the nodes: there are at most a few thousand, and nodes
// register rarely.
func (ch *change) nodeByName(name string) (found *pb.NodeRow, err error) {
	err = ch.scan(colNode, func(v []byte) error {
		var n pb.NodeRow
		if err := decodeRow(v, &n); err != nil {
			return err
		}
		if n.Name == name {
			found = &n
		}
		return nil
	})
	return found, err
}

// scan runs f on every value of a column as earlier commands left it.
func (ch *change) scan(col byte, f func(value []byte) error) error {
	it, err := ch.tx.Iter([]byte{col}, []byte{col + 1})
	if err != nil {
		return err
	}
	defer it.Close()
	for it.Next() {
		if err := f(it.Value()); err != nil {
			return err
		}
	}
	return it.Close()
}

// registerDisk gives a disk its number. A disk that was given up keeps its
// state until an operator or the planner takes it in again.
func (ch *change) registerDisk(node uint32, d *pb.DiskRow) (uint32, error) {
	if len(d.Uuid) != 16 || d.Bytes == 0 {
		return 0, store.Errorf(store.KindInvalid, "register disk", "uuid of %d bytes, capacity %d", len(d.Uuid), d.Bytes)
	}
	var old *pb.DiskRow
	err := ch.scan(colDisk, func(v []byte) error {
		var r pb.DiskRow
		if err := decodeRow(v, &r); err != nil {
			return err
		}
		if bytes.Equal(r.Uuid, d.Uuid) {
			old = &r
		}
		return nil
	})
	if err != nil {
		return 0, err
	}
	row := &pb.DiskRow{Node: node, Uuid: d.Uuid, Bytes: d.Bytes, Class: d.Class, ChangedMs: int64(ch.at)}
	if old != nil {
		row.Id, row.Admin, row.ChangedMs, row.Reason = old.Id, old.Admin, old.ChangedMs, old.Reason
	} else if err := ch.counters(func(c *pb.CountersRow) { c.Disk++; row.Id = c.Disk }); err != nil {
		return 0, err
	}
	if old == nil || !proto.Equal(old, row) {
		ch.put(keyU32(colDisk, row.Id), row)
	}
	return row.Id, nil
}

// form stores the first placement and opens the services.
func (ch *change) form(f *pb.Form) error {
	var c pb.ClusterRow
	if ok, err := ch.get(keyCluster, &c); err != nil || !ok || c.Formed {
		return store.Errorf(store.KindConflict, "form cluster", "it is formed already, or not begun (%v)", err)
	}
	c.Formed = true
	ch.put(keyCluster, &c)
	for _, p := range f.Policies {
		id := placement.PolicyID(p.Policy)
		if _, err := placement.DecodePolicy(id, p.Row); err != nil {
			return err
		}
		ch.tx.Put(keyPolicy(id), p.Row)
	}
	for _, r := range f.Pgs {
		if _, err := placement.DecodePG(placement.PGID(r.Pg), r.Row); err != nil {
			return err
		}
		ch.tx.Put(keyU32(colPG, r.Pg), r.Row)
	}
	for _, g := range f.Groups {
		ch.put(keyU32(colGroup, g.Id), g)
	}
	return nil
}

// setPGs replaces rows by compare-and-swap: a row's generation must be one more
// than the stored one's (invariant 7). Two planners can therefore both run.
func (ch *change) setPGs(s *pb.SetPGs) error {
	for _, r := range s.Pgs {
		next, err := placement.DecodePG(placement.PGID(r.Pg), r.Row)
		if err != nil {
			return err
		}
		key := keyU32(colPG, r.Pg)
		raw, ok, err := ch.tx.Get(key)
		if err != nil {
			return err
		}
		var gen uint32
		if ok {
			cur, err := placement.DecodePG(placement.PGID(r.Pg), raw)
			if err != nil {
				return err
			}
			gen = cur.Gen
		}
		if next.Gen != gen+1 {
			return store.Errorf(store.KindConflict, "set placement group", "group %d is at generation %d, not %d", r.Pg, gen, next.Gen-1)
		}
		ch.tx.Put(key, r.Row)
		ch.wrote = true
	}
	return nil
}

func (ch *change) setDisk(s *pb.SetDisk) error {
	var d pb.DiskRow
	ok, err := ch.get(keyU32(colDisk, s.Disk), &d)
	if err != nil {
		return err
	}
	if !ok {
		return &store.Error{Op: "set disk", Kind: store.KindNotFound, Resource: fmt.Sprintf("disk %d", s.Disk)}
	}
	if d.Admin == s.Admin {
		return nil
	}
	d.Admin, d.Reason, d.ChangedMs = s.Admin, s.Reason, int64(ch.at)
	ch.put(keyU32(colDisk, s.Disk), &d)
	return nil
}

func (ch *change) setGroup(s *pb.SetGroup) error {
	ch.put(keyU32(colGroup, s.Group.Id), s.Group)
	return nil
}
