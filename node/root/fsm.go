package root

import (
	"bytes"
	"encoding/binary"
	"fmt"

	"google.golang.org/protobuf/proto"

	"cairn/node/raftgroup"
	pb "cairn/proto"
	"cairn/store"
)

// fsm is the root group's state machine. Everything it
// decides on is in the rows.
type fsm struct {
	feed *feed // tells watchers what changed; no command depends on it
}

// change is the view a command has: it writes rows and, if it wrote any, the
// next epoch with them.
type change struct {
	tx    *raftgroup.Txn
	at    store.Time
	wrote bool
}

// Apply runs one RootCommand and returns its encoded reply.
func (f *fsm) Apply(tx *raftgroup.Txn, at store.Time, cmd []byte) ([]byte, error) {
	if len(cmd) == 0 || cmd[0] != rowFormat {
		return nil, &store.Error{Op: "root command", Kind: store.KindUnknownFormat, Resource: fmt.Sprintf("% x", head(cmd))}
	}
	var c pb.RootCommand
	if err := proto.Unmarshal(cmd[1:], &c); err != nil {
		return nil, store.Errorf(store.KindInvalid, "root command", "%w", err)
	}
	ch := &change{tx: tx, at: at}
	reply, err := ch.run(&c)
	if err != nil {
		return nil, err
	}
	if ch.wrote {
		if err := ch.bumpEpoch(); err != nil {
			return nil, err
		}
	}
	if reply == nil {
		return nil, nil
	}
	return proto.MarshalOptions{Deterministic: true}.Marshal(reply)
}

func head(b []byte) []byte { return b[:min(len(b), 1)] }

// run dispatches. A command this version does not know decodes to nil.
func (ch *change) run(c *pb.RootCommand) (proto.Message, error) {
	switch c := c.Cmd.(type) {
	case *pb.RootCommand_Init:
		return nil, ch.init(c.Init)
	case *pb.RootCommand_Register:
		return ch.register(c.Register)
	case *pb.RootCommand_NextWriter:
		return ch.nextWriter()
	case *pb.RootCommand_Form:
		return nil, ch.form(c.Form)
	case *pb.RootCommand_SetPgs:
		return nil, ch.setPGs(c.SetPgs)
	case *pb.RootCommand_SetDisk:
		return nil, ch.setDisk(c.SetDisk)
	case *pb.RootCommand_SetGroup:
		return nil, ch.setGroup(c.SetGroup)
	case *pb.RootCommand_CreateName:
		return ch.createName(c.CreateName.GetName())
	case *pb.RootCommand_UpdateName:
		return ch.updateName(c.UpdateName)
	case *pb.RootCommand_DeleteName:
		return nil, ch.deleteName(c.DeleteName)
	}
	return nil, &store.Error{
		Op: "root command", Kind: store.KindUnknownFormat, Resource: "a command of a newer version",
		Hint: "upgrade this node",
	}
}

func (ch *change) put(key []byte, m proto.Message) {
	ch.tx.Put(key, EncodeRow(m))
	ch.wrote = true
}

// get reads a row into m; ok is false if there is none.
func (ch *change) get(key []byte, m proto.Message) (ok bool, err error) {
	v, ok, err := ch.tx.Get(key)
	if err != nil || !ok {
		return false, err
	}
	return true, decodeRow(v, m)
}

func (ch *change) bumpEpoch() error {
	v, ok, err := ch.tx.Get(keyEpoch)
	if err != nil {
		return err
	}
	var epoch uint64
	if ok {
		epoch = binary.BigEndian.Uint64(v)
	}
	ch.tx.Put(keyEpoch, binary.BigEndian.AppendUint64(nil, epoch+1))
	return nil
}

// counters reads the counters, runs f on them and writes them back.
func (ch *change) counters(f func(*pb.CountersRow)) error {
	var c pb.CountersRow
	if _, err := ch.get(keyCounters, &c); err != nil {
		return err
	}
	f(&c)
	ch.put(keyCounters, &c)
	return nil
}

// init makes the cluster; doing it again with the same id changes nothing.
func (ch *change) init(row *pb.ClusterRow) error {
	var old pb.ClusterRow
	ok, err := ch.get(keyCluster, &old)
	if err != nil {
		return err
	}
	if ok && !bytes.Equal(old.ClusterId, row.ClusterId) {
		return store.Errorf(store.KindExists, "init cluster", "it is cluster %x already", old.ClusterId)
	}
	if !ok {
		ch.put(keyCluster, row)
	}
	return nil
}

func (ch *change) nextWriter() (proto.Message, error) {
	reply := &pb.WriterReply{}
	err := ch.counters(func(c *pb.CountersRow) {
		c.Writer++
		reply.Writer = c.Writer
	})
	return reply, err
}
