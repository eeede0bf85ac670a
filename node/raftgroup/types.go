package raftgroup

import (
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"

	"github.com/hashicorp/raft"

	"cairn/placement"
	"cairn/store"
)

// GroupID numbers a Raft group of the cluster. Numbers from [maxGroup] up are
// reserved.
type GroupID uint32

// maxGroup bounds the usable group numbers.
const maxGroup GroupID = 0xffff_0000

// Incarnation names one life of a node's data directory. A node whose data was
// wiped comes back under the same NodeID with another incarnation, and Raft
// sees it as a server it never met.
type Incarnation [16]byte

// String returns the incarnation in hex.
func (i Incarnation) String() string { return hex.EncodeToString(i[:]) }

// Member is one replica of a group.
type Member struct {
	Node        placement.NodeID
	Incarnation Incarnation
	Voter       bool // false: a learner, which receives the log and has no say
}

// serverID is the member's name and address in Raft: "node/incarnation".
func (m Member) serverID() raft.ServerID { return serverID(m.Node, m.Incarnation) }

func serverID(n placement.NodeID, inc Incarnation) raft.ServerID {
	return raft.ServerID(strconv.FormatUint(uint64(n), 10) + "/" + inc.String())
}

// parseServerID reads what serverID wrote.
func parseServerID(s string) (placement.NodeID, Incarnation, error) {
	var inc Incarnation
	num, hexInc, ok := strings.Cut(s, "/")
	n, err := strconv.ParseUint(num, 10, 32)
	if !ok || err != nil || len(hexInc) != 2*len(inc) {
		return 0, inc, fmt.Errorf("raft server id %q is not node/incarnation", s)
	}
	if _, err := hex.Decode(inc[:], []byte(hexInc)); err != nil {
		return 0, inc, fmt.Errorf("raft server id %q: %w", s, err)
	}
	return placement.NodeID(n), inc, nil
}

// Command is what [Group.Propose] replicates.
type Command struct {
	// Client and Seq name the command: all commands with the same pair have the
	// effect of one, and get its reply. Client 0 opts out. See [Session].
	Client, Seq uint64

	// Low is the lowest Seq of the client that still waits for a reply. Replies
	// of lower ones are forgotten when this command takes effect.
	Low uint64

	// Freeing marks a command that gives space back. It is taken when the disk
	// has reached its reserve.
	Freeing bool

	// Data is the applier's command, at most [MaxCommand] bytes. It must not
	// change until Propose returns.
	Data []byte
}

// MaxCommand is the largest command, in bytes.
const MaxCommand = 1 << 20

// leaderReason prefixes the reason of a KindMoved error that knows the leader.
const leaderReason = "leader="

// LeaderHint returns the node that led the group when err, of
// [store.KindMoved], was made; ok is false if it was not known.
func LeaderHint(err error) (node placement.NodeID, ok bool) {
	num, ok := strings.CutPrefix(store.ReasonOf(err), leaderReason)
	if !ok {
		return 0, false
	}
	n, perr := strconv.ParseUint(num, 10, 32)
	return placement.NodeID(n), perr == nil
}
