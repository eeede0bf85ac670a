package worker

import (
	"context"
	"time"

	"cairn/node/meta"
	"cairn/node/raftgroup"
)

// countRate is how many rows of a delete queue are looked at a second, on
// average, to say how long it is.
const countRate = 10_000

// queueCount is how long a delete queue was when it was last counted.
type queueCount struct {
	at               time.Time
	overdue, waiting int
	bytes            uint64
}

// countQueue fills in how long the group's delete queue is. A long queue is
// counted rarely.
func (w *Worker) countQueue(_ context.Context, g *raftgroup.Group, s *GroupStats) error {
	w.mu.Lock()
	c := w.counts[g.ID()]
	w.mu.Unlock()
	rows := c.overdue + c.waiting
	if time.Since(c.at) >= time.Duration(rows)*time.Second/countRate {
		var err error
		if c, err = w.count(g); err != nil {
			return err
		}
	}
	s.Deletions, s.Waiting, s.WaitingBytes = c.overdue, c.waiting, c.bytes
	w.mu.Lock()
	w.counts[g.ID()] = c
	w.mu.Unlock()
	return nil
}

func (w *Worker) count(g *raftgroup.Group) (c queueCount, err error) {
	snap, err := g.ReadLocal()
	if err != nil {
		return c, err
	}
	defer snap.Close()
	c.at = time.Now()
	due := w.due(g)
	for r, err := range meta.Deletions(snap, ^uint32(0)-1) {
		if err != nil {
			return c, err
		}
		c.bytes += uint64(r.Bytes)
		if r.Due > due {
			c.waiting++
		} else {
			c.overdue++
		}
	}
	disks, err := meta.HeldDisks(snap)
	if err != nil {
		return c, err
	}
	for _, d := range disks {
		for _, err := range meta.Held(snap, d) {
			if err != nil {
				return c, err
			}
			c.overdue++
		}
	}
	return c, nil
}
