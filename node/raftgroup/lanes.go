package raftgroup

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/hashicorp/raft"

	"cairn/node/fabric"
)

// peers holds, for each server that this host talks to, the lanes on which the
// beats of all groups travel together.
type peers struct {
	h *Host

	mu    sync.Mutex
	lanes map[raft.ServerID]*peerLanes
}

type peerLanes struct {
	hearts   lane // wait a little for company
	confirms lane // share a call only with those that came while one was under way
}

func newPeers(h *Host) *peers { return &peers{h: h, lanes: map[raft.ServerID]*peerLanes{}} }

func (p *peers) to(id raft.ServerID) (*peerLanes, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if l := p.lanes[id]; l != nil {
		return l, nil
	}
	node, inc, err := parseServerID(string(id))
	if err != nil {
		return nil, err
	}
	to := Member{Node: node, Incarnation: inc}
	l := &peerLanes{
		hearts:   lane{h: p.h, to: to, window: p.h.opts.HeartbeatTimeout / 8},
		confirms: lane{h: p.h, to: to},
	}
	p.lanes[id] = l
	return l, nil
}

// lane sends beats to one server, one call at a time. It has a goroutine only
// while there is something to send.
type lane struct {
	h      *Host
	to     Member
	window time.Duration

	mu      sync.Mutex
	queue   []laneItem
	busy    bool
	replied chan struct{} // closed at the next reply; nil if nobody waits for it
}

type laneItem struct {
	beat
	done chan<- laneResult // has room
}

type laneResult struct {
	beatReply
	err error
}

// submit queues a beat. The result goes to done, which must have room for it.
func (l *lane) submit(b beat, done chan<- laneResult) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.busy && !l.h.tasks.run(l.run) {
		done <- laneResult{err: errGivenUp}
		return
	}
	l.busy = true
	l.queue = append(l.queue, laneItem{beat: b, done: done})
}

func (l *lane) run() {
	for {
		if l.window > 0 {
			t := time.NewTimer(l.window)
			select {
			case <-t.C:
			case <-l.h.ctx.Done():
				t.Stop()
			}
		}
		l.mu.Lock()
		n := min(len(l.queue), maxBeats)
		items := l.queue[:n:n]
		l.queue = l.queue[n:]
		if n == 0 {
			l.busy, l.queue = false, nil
			l.mu.Unlock()
			return
		}
		l.mu.Unlock()
		l.send(items)
	}
}

// send makes one call and hands out the results.
func (l *lane) send(items []laneItem) {
	beats := make([]beat, len(items))
	for i, it := range items {
		beats[i] = it.beat
	}
	replies, err := l.h.callBeats(l.to, beats)
	if err == nil {
		l.mu.Lock()
		if l.replied != nil {
			close(l.replied)
			l.replied = nil
		}
		l.mu.Unlock()
	}
	for i, it := range items {
		r := laneResult{err: err}
		if err == nil {
			r.beatReply = replies[i]
			if r.status == beatRefused {
				r.err = fmt.Errorf("node %d refused the beat of group %d", l.to.Node, it.group)
			}
		}
		it.done <- r
	}
}

// nextReply returns a channel that is closed when the server next replies.
func (l *lane) nextReply() <-chan struct{} {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.replied == nil {
		l.replied = make(chan struct{})
	}
	return l.replied
}

func (h *Host) callBeats(to Member, beats []beat) ([]beatReply, error) {
	ctx, cancel := context.WithTimeout(h.ctx, h.opts.HeartbeatTimeout)
	defer cancel()
	head := encodeBeats(envelope{target: to.Incarnation, source: h.opts.Incarnation}.encode(), beats)
	reply, err := h.call(ctx, to.Node, methodBeat, &fabric.Message{Head: head})
	if err != nil {
		return nil, err
	}
	defer reply.Release()
	return decodeBeatReplies(reply.Head, len(beats))
}
