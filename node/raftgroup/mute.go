package raftgroup

import (
	"encoding/binary"
	"fmt"

	"github.com/hashicorp/raft"

	"cairn/store"
)

// A replica whose log ends before its high-water mark has lost entries that it
// had promised to keep, and perhaps a vote: a disk dropped the tail of the
// database's log, which looks like a log that was never longer. Such a replica
// is muted. It neither votes nor campaigns nor confirms a leader, but takes
// entries; the leader sees the flag in its replies and makes it a learner
// (Reconcile), and when it is a voter again it has what it lost.

// judge compares the log with the mark and mutes the replica if needed.
func (g *Group) judge(snaps *snapshotStore) error {
	already, err := g.stab.Get([]byte(keyMuted))
	if err != nil {
		return err
	}
	if len(already) > 0 {
		list, err := snaps.List()
		if err != nil {
			return err
		}
		g.muted.Store(true)
		g.wasOut.Store(len(list) > 0 && !hasVoter(list[0].Configuration, g.self))
	}
	m, ok := g.h.marks.get(g.id)
	if !ok {
		return nil
	}
	index, term, err := g.lastEntry(snaps)
	if err != nil {
		return err
	}
	current, err := g.stab.GetUint64([]byte(keyCurrentTerm))
	if err != nil {
		return err
	}
	if !m.behind(index, term) && current >= m.current {
		return nil
	}
	return g.mute(m, index, term, snaps)
}

// lastEntry returns the last index and term that log and rows make up.
func (g *Group) lastEntry(snaps *snapshotStore) (index, term uint64, err error) {
	list, err := snaps.List()
	if err != nil {
		return 0, 0, err
	}
	if len(list) > 0 {
		index, term = list[0].Index, list[0].Term
	}
	if last, _ := g.logs.LastIndex(); last > index {
		var l raft.Log
		if err := g.logs.GetLog(last, &l); err != nil {
			return 0, 0, err
		}
		index, term = l.Index, l.Term
	}
	return index, term, nil
}

// mute takes the replica's say away, durably, and spends its vote in all terms
// that it may have voted in.
func (g *Group) mute(m mark, index, term uint64, snaps *snapshotStore) error {
	lost := fmt.Errorf("the log ends with entry %d of term %d, but entry %d of term %d and term %d had been synced",
		index, term, m.index, m.term, m.current)
	if list, err := snaps.List(); err == nil && len(list) == 1 && onlyVoter(list[0].Configuration, g.self) {
		return &store.Error{
			Op: "start", Kind: store.KindCorrupt, Err: lost,
			Hint: "the only voter of the group lost acknowledged commands: restore the metadata directory from a backup",
		}
	}
	g.log.Error("the replica lost a part of its log; it rejoins as a learner", "err", lost)
	spent := max(m.current, m.term, term)
	for _, set := range []struct {
		name  string
		value []byte
	}{
		{keyMuted, []byte{1}},
		{keyCurrentTerm, binary.BigEndian.AppendUint64(nil, spent)},
		{keyVoteTerm, binary.BigEndian.AppendUint64(nil, spent)},
		{keyVoteCand, []byte("lost")},
	} {
		if err := g.stab.Set([]byte(set.name), set.value); err != nil {
			return err
		}
	}
	g.h.marks.update(g.id, func(k *mark) { *k = mark{index: index, term: term, current: spent} })
	g.muted.Store(true)
	return nil
}

func hasVoter(c raft.Configuration, m Member) bool {
	for _, s := range c.Servers {
		if s.ID == m.serverID() {
			return s.Suffrage == raft.Voter
		}
	}
	return false
}

func onlyVoter(c raft.Configuration, m Member) bool {
	voters := 0
	for _, s := range c.Servers {
		if s.Suffrage == raft.Voter {
			voters++
		}
	}
	return voters == 1 && hasVoter(c, m)
}

// configured runs on the FSM goroutine for each membership change that was
// applied: a muted replica that was made a learner and then a voter is whole.
func (g *Group) configured(c raft.Configuration) {
	if !g.muted.Load() {
		return
	}
	if !hasVoter(c, g.self) {
		g.wasOut.Store(true)
		return
	}
	if !g.wasOut.Load() {
		return
	}
	if err := g.stab.forget(keyMuted); err != nil {
		g.log.Warn("the replica stays muted", "err", err)
		return
	}
	g.muted.Store(false)
	g.log.Info("the replica is whole again")
}
