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

// judge compares the log with the rows and with the mark, and mutes the replica
// if needed.
func (g *Group) judge(snaps *snapshotStore) error {
	if first, _ := g.logs.FirstIndex(); first > g.fsm.pos.Load().index+1 {
		return &store.Error{
			Op: "start", Kind: store.KindCorrupt, Hint: damagedHint,
			Err: fmt.Errorf("the rows are at entry %d, and the log begins with %d", g.fsm.pos.Load().index, first),
		}
	}
	if err := g.judgeMuted(); err != nil {
		return err
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
	return g.mute(m, index, term)
}

// judgeMuted finds out how far a replica that is muted already has come.
func (g *Group) judgeMuted() error {
	at, err := g.stab.GetUint64([]byte(keyMuted))
	if err != nil || at == 0 {
		return err
	}
	_, conf, err := readPosition(g.h.db, g.id)
	if err != nil {
		return err
	}
	g.muted.Store(true)
	g.mutedAt.Store(at)
	g.wasOut.Store(conf.index > at && !hasVoter(conf.conf, g.self))
	return nil
}

// newestConfig returns the membership that rows and log end with.
func (g *Group) newestConfig() (raft.Configuration, error) {
	pos, conf, err := readPosition(g.h.db, g.id)
	if err != nil {
		return conf.conf, err
	}
	last, _ := g.logs.LastIndex()
	for i := pos.index + 1; i <= last; i++ {
		var l raft.Log
		if err := g.logs.GetLog(i, &l); err != nil {
			return conf.conf, err
		}
		if l.Type != raft.LogConfiguration {
			continue
		}
		if conf.conf, err = decodeConfiguration(l.Data); err != nil {
			return conf.conf, err
		}
	}
	return conf.conf, nil
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
func (g *Group) mute(m mark, index, term uint64) error {
	lost := fmt.Errorf("the log ends with entry %d of term %d, but entry %d of term %d and term %d had been synced",
		index, term, m.index, m.term, m.current)
	conf, err := g.newestConfig()
	if err != nil {
		return err
	}
	if onlyVoter(conf, g.self) {
		return &store.Error{
			Op: "start", Kind: store.KindCorrupt, Err: lost,
			Hint: "the only voter of the group lost acknowledged commands: restore the metadata directory from a backup",
		}
	}
	g.log.Error("the replica lost a part of its log; it rejoins as a learner", "err", lost)
	spent := max(m.current, m.term, term)
	lostAt := max(m.index, index, 1)
	for _, set := range []struct {
		name  string
		value []byte
	}{
		{keyMuted, binary.BigEndian.AppendUint64(nil, lostAt)},
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
	g.mutedAt.Store(lostAt)
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
// applied: a muted replica that was made a learner and then a voter, both after
// its loss, is whole.
func (g *Group) configured(c groupConfig) {
	if !g.muted.Load() || c.index <= g.mutedAt.Load() {
		return
	}
	if !hasVoter(c.conf, g.self) {
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
