package raftgroup

import (
	"errors"
	"fmt"
	"io"
	"iter"
	"runtime/debug"
	"sync/atomic"

	"github.com/cockroachdb/pebble/v2"
	"github.com/hashicorp/raft"

	"cairn/store"
)

// fsm applies a group's committed entries to its rows. All methods but the
// accessors of published state run on Raft's FSM goroutine, or before it starts.
type fsm struct {
	h       *Host
	id      GroupID
	app     Applier
	snaps   *snapshotStore
	onHalt  func(error)              // called once, must not block
	onConf  func(raft.Configuration) // a membership change was applied
	onApply func()                   // entries were applied; must not block
	dedupe  *dedupe
	pos     atomic.Pointer[position] // what the rows contain
	halted  atomic.Pointer[error]
}

var _ raft.BatchingFSM = (*fsm)(nil)

// result is the outcome of one command.
type result struct {
	reply []byte
	err   error
}

// load reads the state that the rows describe and tells the applier.
func (f *fsm) load() error {
	pos, _, err := readPosition(f.h.db, f.id)
	if err != nil {
		return err
	}
	if f.dedupe, err = loadDedupe(f.h.db, f.id); err != nil {
		return err
	}
	f.pos.Store(&pos)
	return f.app.Restored(storedRows{groupRows{r: f.h.db, id: f.id}})
}

// Apply implements raft.FSM; hashicorp/raft calls ApplyBatch instead.
func (f *fsm) Apply(l *raft.Log) any { return f.ApplyBatch([]*raft.Log{l})[0] }

// ApplyBatch implements raft.BatchingFSM: one Pebble batch a call, not synced,
// with the position in it. Entries that the rows contain already are skipped:
// after a restart Raft hands out the log again from its last snapshot. The reply
// to an entry is a []result, or an error.
func (f *fsm) ApplyBatch(logs []*raft.Log) []any {
	out := make([]any, len(logs))
	err := f.haltError()
	if err == nil {
		err = f.applyBatch(logs, out)
	}
	if err != nil {
		f.halt(err)
		for i := range out {
			out[i] = err
		}
	}
	return out
}

// applyBatch fills out. An error means that nothing was applied and that the
// replica must halt.
func (f *fsm) applyBatch(logs []*raft.Log, out []any) error {
	b := f.h.db.NewIndexedBatch()
	defer b.Close()
	pos := *f.pos.Load()
	start := pos.index
	var conf *raft.Configuration
	tx := newTxn(f.id, b)
	for i, l := range logs {
		if l.Index <= pos.index {
			continue
		}
		switch l.Type {
		case raft.LogCommand:
			res, err := f.applyEntry(b, tx, &pos, l.Data)
			if err != nil {
				return fmt.Errorf("entry %d: %w", l.Index, err)
			}
			out[i] = res
		case raft.LogConfiguration:
			c, err := decodeConfiguration(l.Data)
			if err != nil {
				return fmt.Errorf("entry %d: %w", l.Index, err)
			}
			if err := b.Set(configKey(f.id), groupConfig{index: l.Index, conf: c}.encode(), nil); err != nil {
				return fmt.Errorf("write membership: %w", err)
			}
			conf = &c
		}
		pos.index, pos.term = l.Index, l.Term
	}
	if pos.index == start {
		return nil
	}
	if err := f.commit(b, pos); err != nil {
		return err
	}
	if conf != nil {
		f.onConf(*conf)
	}
	f.onApply()
	return nil
}

// commit makes the batch visible and publishes the position.
func (f *fsm) commit(b *pebble.Batch, pos position) error {
	if err := b.Set(appliedKey(f.id), pos.encode(), nil); err != nil {
		return fmt.Errorf("write position: %w", err)
	}
	changes := f.changes(b)
	if err := f.h.commit(b, pebble.NoSync); err != nil {
		return err
	}
	f.pos.Store(&pos)
	if o, ok := f.app.(CommitObserver); ok {
		o.Committed(pos.index, pos.time, changes)
	}
	return nil
}

// applyEntry runs the commands of one entry. Its time is the entry's, or the
// last one's if that is later.
func (f *fsm) applyEntry(b *pebble.Batch, tx *Txn, pos *position, data []byte) ([]result, error) {
	at, cmds, err := decodeEntry(data)
	if err != nil {
		return nil, err
	}
	pos.time = max(pos.time, at)
	if err := f.dedupe.expire(b, pos.time); err != nil {
		return nil, err
	}
	out := make([]result, len(cmds))
	for i := range cmds {
		first, reply, err := f.dedupe.first(b, &cmds[i])
		if first {
			reply, err = f.applyCommand(b, tx, pos.time, &cmds[i])
		}
		if err != nil && haltsReplica(err) {
			return nil, err
		}
		out[i] = result{reply: reply, err: err}
	}
	return out, nil
}

// applyCommand runs one command that has not taken effect yet.
func (f *fsm) applyCommand(b *pebble.Batch, tx *Txn, at store.Time, cmd *Command) ([]byte, error) {
	tx.reset()
	reply, err := f.protect(tx, at, cmd.Data)
	if len(reply) > 0 {
		reply = append([]byte(nil), reply...) // it may point into a row
	}
	tx.release()
	if err != nil {
		return nil, err
	}
	if err := tx.apply(b); err != nil {
		return nil, err
	}
	return reply, f.dedupe.record(b, at, cmd, reply)
}

// protect turns a panic of the applier into an error that halts the replica:
// the other groups of the process go on.
func (f *fsm) protect(tx *Txn, at store.Time, data []byte) (reply []byte, err error) {
	defer func() {
		if p := recover(); p != nil {
			reply, err = nil, store.Errorf(store.KindInternal, "apply", "panic: %v\n%s", p, debug.Stack())
		}
	}()
	return f.app.Apply(tx, at, data)
}

func haltsReplica(err error) bool {
	switch store.KindOf(err) {
	case store.KindUnknownFormat, store.KindCorrupt, store.KindInternal:
		return true
	}
	return false
}

// halt stops the replica for good; the rows stay at the last whole batch.
func (f *fsm) halt(err error) {
	if f.halted.CompareAndSwap(nil, &err) && !errors.Is(err, errGivenUp) {
		f.onHalt(err)
	}
}

// haltError returns why the replica halted, or nil.
func (f *fsm) haltError() error {
	if p := f.halted.Load(); p != nil {
		return *p
	}
	return nil
}

// changes lists what b changes of the applier's rows. The batch's bytes are
// taken before it is committed.
func (f *fsm) changes(b *pebble.Batch) iter.Seq[Change] {
	reader := b.Reader()
	return func(yield func(Change) bool) {
		for r := reader; ; {
			kind, key, value, ok, err := r.Next()
			if !ok || err != nil {
				return
			}
			c := Change{Key: key[4:]}
			switch kind {
			case pebble.InternalKeyKindSet:
				c.Value = value
				if value == nil {
					c.Value = []byte{}
				}
			case pebble.InternalKeyKindRangeDelete:
				c.End = value[4:]
			}
			if !hostColumn(key[4]) && !yield(c) {
				return
			}
		}
	}
}

// Snapshot implements raft.FSM. The rows are their own snapshot; see
// snapshotStore.
func (f *fsm) Snapshot() (raft.FSMSnapshot, error) {
	if err := f.haltError(); err != nil {
		return nil, err
	}
	return rowsSnapshot{}, nil
}

// Restore implements raft.FSM: it puts the snapshot that was received last in
// place of the rows. A failure leaves the rows undefined and halts the replica;
// its restart resumes the installation.
func (f *fsm) Restore(r io.ReadCloser) error {
	defer r.Close()
	err := f.snaps.install()
	if err == nil {
		err = f.load()
	}
	if err != nil {
		f.halt(err)
	}
	return err
}
