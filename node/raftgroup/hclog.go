package raftgroup

import (
	"context"
	"log/slog"

	"github.com/hashicorp/go-hclog"
)

// raftLog passes Raft's log on. Raft says at Error what is a matter of course
// when a node is away, once a heartbeat; all of it goes to Debug but for
// elections and membership, which Raft says at Info and Warn.
type raftLog struct {
	hclog.Logger // discards; gives the methods that Raft does not call
	log          *slog.Logger
}

func newRaftLog(log *slog.Logger) hclog.Logger {
	return raftLog{Logger: hclog.NewNullLogger(), log: log}
}

// keep are the messages worth a line in a node's log.
var keep = map[string]bool{
	"election won":           true,
	"updating configuration": true,
	"heartbeat timeout reached, starting election":                     true,
	"failed to contact quorum of nodes, stepping down":                 true,
	"Installed remote snapshot":                                        true,
	"failed to commit logs":                                            true,
	"failed to append to logs":                                         true,
	"failed to install snapshot":                                       true,
	"removed ourself, transitioning to follower":                       true,
	"lost leadership because received a requestVote with a newer term": true,
}

func (l raftLog) say(msg string, args []any) {
	level := slog.LevelDebug
	if keep[msg] {
		level = slog.LevelInfo
	}
	if l.log.Enabled(context.Background(), level) {
		l.log.Log(context.Background(), level, "raft: "+msg, args...)
	}
}

// Trace implements hclog.Logger.
func (l raftLog) Trace(msg string, args ...any) { l.say(msg, args) }

// Debug implements hclog.Logger.
func (l raftLog) Debug(msg string, args ...any) { l.say(msg, args) }

// Info implements hclog.Logger.
func (l raftLog) Info(msg string, args ...any) { l.say(msg, args) }

// Warn implements hclog.Logger.
func (l raftLog) Warn(msg string, args ...any) { l.say(msg, args) }

// Error implements hclog.Logger.
func (l raftLog) Error(msg string, args ...any) { l.say(msg, args) }

// With implements hclog.Logger.
func (l raftLog) With(args ...any) hclog.Logger {
	return raftLog{Logger: l.Logger, log: l.log.With(args...)}
}

// Named implements hclog.Logger.
func (l raftLog) Named(string) hclog.Logger { return l }
