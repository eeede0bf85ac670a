package root

import (
	"fmt"

	"google.golang.org/protobuf/proto"

	pb "cairn/proto"
	"cairn/store"
)

// maxAttrs bounds a name's settings, in bytes; maxNameLen its name.
const (
	maxAttrs   = 256 << 10
	maxNameLen = 255
)

func nameError(op string, k store.ErrKind, row *pb.NameRow) error {
	return &store.Error{Op: op, Kind: k, Resource: fmt.Sprintf("%q", row.GetName())}
}

// createName adds a name, and a range for it if it owns a namespace. The reply is
// the new row.
func (ch *change) createName(n *pb.NameRow) (proto.Message, error) {
	if n == nil || n.Name == "" || len(n.Name) > maxNameLen || len(n.Attrs) > maxAttrs {
		return nil, nameError("create name", store.KindInvalid, n)
	}
	key := keyName(store.NameKind(n.Kind), n.Name)
	var old pb.NameRow
	if ok, err := ch.get(key, &old); err != nil {
		return nil, err
	} else if ok {
		return nil, nameError("create name", store.KindExists, &old)
	}
	row := proto.Clone(n).(*pb.NameRow)
	row.Gen, row.CreatedMs = 1, int64(ch.at)
	if err := ch.counters(func(c *pb.CountersRow) { c.Name++; row.Id = c.Name }); err != nil {
		return nil, err
	}
	ch.put(key, row)
	if kind, ok := namespaceKind(store.NameKind(n.Kind)); ok {
		if err := ch.createRange(store.MakeNS(kind, row.Id)); err != nil {
			return nil, err
		}
	}
	return row, nil
}

// namespaceKind tells which names own a namespace.
func namespaceKind(k store.NameKind) (store.Kind, bool) {
	switch k {
	case store.NameBucket:
		return store.KindObject, true
	case store.NameFilesystem:
		return store.KindFile, true
	case store.NameVolume:
		return store.KindBlock, true
	}
	return 0, false
}

// createRange gives a new namespace its one range, in the group whose turn it
// is. The group learns of it from the first request it gets.
func (ch *change) createRange(ns store.NS) error {
	var groups []uint32
	err := ch.scan(colGroup, func(v []byte) error {
		var g pb.GroupRow
		if err := decodeRow(v, &g); err != nil {
			return err
		}
		if g.Id != uint32(Group) {
			groups = append(groups, g.Id)
		}
		return nil
	})
	if err != nil {
		return err
	}
	if len(groups) == 0 {
		return &store.Error{Op: "create name", Kind: store.KindUnavailable, Hint: "the cluster is still forming; see `cairn status`"}
	}
	r := &pb.RangeRow{Ns: uint64(ns), Gen: 1}
	if err := ch.counters(func(c *pb.CountersRow) { c.Range++; r.Id = c.Range }); err != nil {
		return err
	}
	r.Group = groups[r.Id%uint64(len(groups))]
	ch.put(keyRange(ns, nil), r)
	return nil
}

// current reads the row of a name and checks its generation.
func (ch *change) current(op string, kind uint32, name string, gen uint64) (*pb.NameRow, error) {
	var row pb.NameRow
	ok, err := ch.get(keyName(store.NameKind(kind), name), &row)
	switch {
	case err != nil:
		return nil, err
	case !ok:
		return nil, nameError(op, store.KindNotFound, &pb.NameRow{Name: name})
	case row.Gen != gen:
		return nil, nameError(op, store.KindConflict, &row)
	}
	return &row, nil
}

func (ch *change) updateName(n *pb.NameRow) (proto.Message, error) {
	if len(n.Attrs) > maxAttrs {
		return nil, nameError("update name", store.KindTooLarge, n)
	}
	row, err := ch.current("update name", n.Kind, n.Name, n.Gen)
	if err != nil {
		return nil, err
	}
	row.Owner, row.State, row.Attrs = n.Owner, n.State, n.Attrs
	row.Gen++
	ch.put(keyName(store.NameKind(n.Kind), n.Name), row)
	return row, nil
}

// deleteName removes a name and the ranges of its namespace.
func (ch *change) deleteName(d *pb.DeleteName) error {
	row, err := ch.current("delete name", d.Kind, d.Name, d.Gen)
	if err != nil {
		return err
	}
	ch.tx.Delete(keyName(store.NameKind(d.Kind), d.Name))
	ch.wrote = true
	kind, ok := namespaceKind(store.NameKind(d.Kind))
	if !ok {
		return nil
	}
	ns := store.MakeNS(kind, row.Id)
	it, err := ch.tx.Iter(keyRange(ns, nil), keyRange(ns+1, nil))
	if err != nil {
		return err
	}
	defer it.Close()
	for it.Next() {
		ch.tx.Delete(append([]byte(nil), it.Key()...))
	}
	return it.Close()
}
