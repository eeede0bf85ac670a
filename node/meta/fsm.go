package meta

import (
	"google.golang.org/protobuf/proto"

	"cairn/node/raftgroup"
	pb "cairn/proto"
	"cairn/store"
)

// fsm is the state machine of a metadata group: it owns ranges, the delete
// queue and the owed shards, and runs the machines. Its state is the rows; the
// mirror follows from them.
type fsm struct {
	machines map[store.Kind]store.Machine
	mirror   *mirror
}

func newFSM(machines map[store.Kind]store.Machine) *fsm {
	return &fsm{machines: machines, mirror: newMirror(machines)}
}

// Apply runs one MetaCommand.
func (f *fsm) Apply(tx *raftgroup.Txn, at store.Time, cmd []byte) ([]byte, error) {
	c, err := decodeCommand(cmd)
	if err != nil {
		return nil, err
	}
	switch c := c.Cmd.(type) {
	case *pb.MetaCommand_Run:
		return f.run(tx, at, c.Run)
	case *pb.MetaCommand_Adopt:
		return nil, f.adopt(tx, c.Adopt)
	case *pb.MetaCommand_Collected:
		return nil, collected(tx, at, c.Collected)
	case *pb.MetaCommand_Released:
		return nil, released(tx, c.Released)
	case *pb.MetaCommand_Repaired:
		return nil, repaired(tx, c.Repaired)
	case *pb.MetaCommand_Resolve:
		return f.resolve(tx, at, c.Resolve)
	}
	return nil, unknownFormat("metadata command of a newer version", 0)
}

// machine returns the machine of a namespace.
func (f *fsm) machine(ns store.NS) (store.Machine, error) {
	m := f.machines[ns.Kind()]
	if m == nil {
		return nil, store.Errorf(store.KindInvalid, "metadata command", "this version serves no namespaces of kind %d", ns.Kind())
	}
	return m, nil
}

// run applies a machine's command to the range it was sent to.
func (f *fsm) run(tx *raftgroup.Txn, at store.Time, r *pb.MetaRun) ([]byte, error) {
	ns := store.NS(r.Ns)
	m, err := f.machine(ns)
	if err != nil {
		return nil, err
	}
	state := f.mirror.state.Load()
	rng, err := state.owned(r.Range, r.Gen, ns, r.Key)
	if err != nil {
		return nil, err
	}
	t := &txn{reader: reader{rows: tx, rng: rng, mirror: f.mirror, state: state}, tx: tx, at: at, placed: make([]receipt, 0, len(r.Placed))}
	for _, p := range r.Placed {
		if len(p.Blob) != len(store.BlobID{}) || p.Missing > 0xFFFF {
			return nil, store.Errorf(store.KindInvalid, "metadata command", "receipt of a blob with an id of %d bytes", len(p.Blob))
		}
		t.placed = append(t.placed, receipt{blob: store.BlobID(p.Blob), gen: p.Gen, missing: uint16(p.Missing)})
	}
	reply, err := m.Apply(t, at, r.Cmd)
	if err == nil {
		err = t.err
	}
	if err != nil {
		return nil, err
	}
	f.mirror.change(t.pins)
	return reply, nil
}

// adopt takes in a range that this group was given. Range ids are never reused
// and a group keeps the row of every range it ever had, so a late duplicate
// cannot bring back one that has moved on.
func (f *fsm) adopt(tx *raftgroup.Txn, a *pb.MetaAdopt) error {
	key := rangeKey(a.Range)
	_, ok, err := tx.Get(key)
	if err != nil || ok {
		return err
	}
	row := encodeRange(a, 1)
	r, err := decodeRange(a.Range, row)
	if err != nil {
		return err
	}
	tx.Put(key, row)
	f.mirror.add(r)
	return nil
}

// repaired takes shards off debt rows. A row whose blob was deleted meanwhile
// is gone and stays so.
func repaired(tx *raftgroup.Txn, r *pb.MetaRepaired) error {
	for _, b := range r.Blobs {
		if len(b.Blob) != len(store.BlobID{}) {
			return store.Errorf(store.KindInvalid, "end debts", "blob id of %d bytes", len(b.Blob))
		}
		key := debtKey(store.BlobID(b.Blob))
		v, ok, err := tx.Get(key)
		if err != nil {
			return err
		}
		if !ok {
			continue
		}
		owed, err := decodeDebt(v)
		if err != nil {
			return err
		}
		if owed &^= uint16(b.Missing); owed != 0 {
			tx.Put(key, encodeDebt(owed))
		} else {
			tx.Delete(key)
		}
	}
	return nil
}

// resolve decides the fate of a blob that a shard claims for a key (invariant
// 3). Being an entry of the log, it orders itself against every command that
// could still refer to the blob: an earlier one is seen here, a later one has a
// later group time and fails at the age fence.
//
// Only the current owner of the key may decide; a namespace that this group
// never had, or has given away, is answered with KindMoved.
func (f *fsm) resolve(tx *raftgroup.Txn, at store.Time, r *pb.MetaResolve) ([]byte, error) {
	ns := store.NS(r.Ns)
	m, err := f.machine(ns)
	if err != nil {
		return nil, err
	}
	if len(r.Blob) != len(store.BlobID{}) {
		return nil, store.Errorf(store.KindInvalid, "resolve blob", "blob id of %d bytes", len(r.Blob))
	}
	blob := store.BlobID(r.Blob)
	state := f.mirror.state.Load()
	rng, err := state.rangeOf(ns, r.Key)
	if err != nil {
		return nil, err
	}
	named, err := m.References(&reader{rows: tx, rng: rng, mirror: f.mirror, state: state}, r.Key, []store.BlobID{blob})
	if err != nil {
		return nil, err
	}
	used := named[0]
	dead := !used && at.CreatedSeconds()-int64(blob.Created()) > orphanSeconds
	if !used && !dead && r.Owing != nil {
		if err := passOver(tx, blob.PG(), r.Owing); err != nil {
			return nil, err
		}
	}
	return proto.MarshalOptions{Deterministic: true}.Marshal(&pb.MetaResolveReply{Dead: dead, Used: used})
}

// Restored reads the mirror anew.
func (f *fsm) Restored(rows raftgroup.Rows) error { return f.mirror.load(rows) }
