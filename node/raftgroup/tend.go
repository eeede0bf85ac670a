package raftgroup

import (
	"math"
	"time"

	"github.com/hashicorp/raft"
)

// How much of a log is kept. A log is cut when so many entries or bytes were
// written since it was last cut; what stays behind serves followers that were
// away for a while without a whole snapshot.
const (
	tendInterval  = 5 * time.Second
	cutEntries    = 8192
	cutBytes      = 64 << 20
	trailBytes    = 128 << 20
	trailEntries  = 16384
	trailLeast    = 256
	neverSnapshot = math.MaxUint64 // Raft's own trigger knows no bytes
)

// tend is the host's housekeeping: the check of free space and the cutting of
// logs, one group after the other.
func (h *Host) tend() {
	t := time.NewTicker(tendInterval)
	defer t.Stop()
	for {
		select {
		case <-h.ctx.Done():
			return
		case <-h.space.kick:
		case <-t.C:
		}
		was := h.space.full.Load()
		h.space.check()
		if now := h.space.full.Load(); now != was {
			h.log.Warn("free space of the metadata disk", "commands_refused", now, "min_free", h.opts.MinFree)
		}
		h.flushDue()
		for _, g := range h.running() {
			g.cutLog(false)
		}
	}
}

// running returns the groups that have been started; one that is only being
// opened has no Raft yet.
func (h *Host) running() []*Group {
	h.mu.Lock()
	defer h.mu.Unlock()
	out := make([]*Group, 0, len(h.groups))
	for _, g := range h.groups {
		if g.started.Load() {
			out = append(out, g)
		}
	}
	return out
}

// cutLog takes a snapshot, which cuts the log, if enough was written since the
// last one or if forced. How many entries stay follows from their mean size.
func (g *Group) cutLog(force bool) {
	g.cutMu.Lock()
	defer g.cutMu.Unlock()
	last := g.raft.LastIndex()
	g.uncutBytes += g.logs.takeBytes()
	entries := last - min(g.cutAt, last)
	if !force && entries < cutEntries && g.uncutBytes < cutBytes || g.fsm.haltError() != nil {
		return
	}
	if force {
		if err := g.h.flush(); err != nil {
			return
		}
	}
	keep := uint64(trailEntries)
	if entries > 0 {
		mean := max(uint64(g.uncutBytes)/entries, 1)
		keep = min(max(trailBytes/mean, trailLeast), trailEntries)
	}
	if force {
		keep = trailLeast
	}
	rc := g.raft.ReloadableConfig()
	rc.TrailingLogs = keep
	if err := g.raft.ReloadConfig(rc); err != nil {
		g.log.Warn("set the length of the log", "err", err)
		return
	}
	// Nothing to do yet, or a membership change under way: the next round tries
	// again.
	if err := g.await(g.raft.Snapshot()); err != nil && err != raft.ErrNothingNewToSnapshot {
		g.log.Debug("the log was not cut", "err", err)
		return
	}
	g.cutAt, g.uncutBytes = last, 0
}
