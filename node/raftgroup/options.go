package raftgroup

import (
	"fmt"
	"log/slog"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"cairn/node/fabric"
)

// Options configure a [Host]. Zero values take the defaults given.
type Options struct {
	// Dir holds the node's Pebble and what belongs to it. Only one Host may
	// have it open.
	Dir string

	// Fabric carries the groups' calls. The host registers methods 0x0101 to
	// 0x0106.
	Fabric fabric.Fabric

	// Incarnation was minted together with Dir, at random.
	Incarnation Incarnation

	// Logger receives elections, membership changes and faults. Default: discard.
	Logger *slog.Logger

	// Clock is read by leaders to stamp entries with group time. Default: time.Now.
	Clock func() time.Time

	// Cache is Pebble's block cache; the hosts of one process may share one.
	// Default: 16 MiB of its own.
	Cache *pebble.Cache

	// FS is the file system under Pebble. Default: the operating system's.
	FS vfs.FS

	// HeartbeatTimeout is how long a follower waits for a sign of its leader
	// before it calls an election. A dead leader is replaced after one to three
	// times this. Default: 1 s.
	HeartbeatTimeout time.Duration

	// WriteTimeout is how long a write of the log may take before it counts as
	// failed and the leader steps down. Default: 3 s.
	WriteTimeout time.Duration

	// MinFree is the free space, in bytes, below which only commands that free
	// space are taken. Default: 64 MiB.
	MinFree uint64

	// OnFatal is called once, on a goroutine of its own, when the disk failed
	// in a way after which nothing may be acknowledged any more. The host has
	// stopped answering by then; close it.
	OnFatal func(error)
}

func (o *Options) setDefaults() {
	def := func(d *time.Duration, v time.Duration) {
		if *d == 0 {
			*d = v
		}
	}
	def(&o.HeartbeatTimeout, time.Second)
	def(&o.WriteTimeout, 3*time.Second)
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Clock == nil {
		o.Clock = time.Now
	}
	if o.FS == nil {
		o.FS = vfs.Default
	}
	if o.MinFree == 0 {
		o.MinFree = 64 << 20
	}
	if o.OnFatal == nil {
		o.OnFatal = func(error) {}
	}
}

func (o *Options) validate() error {
	switch {
	case o.Dir == "":
		return fmt.Errorf("raftgroup: Options.Dir is empty")
	case o.Fabric == nil:
		return fmt.Errorf("raftgroup: Options.Fabric is nil")
	case o.Incarnation == Incarnation{}:
		return fmt.Errorf("raftgroup: Options.Incarnation is zero")
	case o.HeartbeatTimeout < 20*time.Millisecond:
		return fmt.Errorf("raftgroup: HeartbeatTimeout %v is below 20ms", o.HeartbeatTimeout)
	}
	return nil
}

// GroupConfig describes a group to [Host.Start].
type GroupConfig struct {
	ID GroupID

	// Members is the group's first configuration. It is used only if this node
	// has no state of the group and this incarnation is named in it as a voter;
	// otherwise the replica waits until the group's leader adds it.
	Members []Member

	// PromptCommits has the followers hear at once that an entry is committed. By
	// default they hear with the next entry, or after a heartbeat timeout or two.
	PromptCommits bool
}
