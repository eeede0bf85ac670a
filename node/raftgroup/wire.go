package raftgroup

import (
	"encoding/binary"

	"github.com/hashicorp/raft"

	"cairn/node/fabric"
	"cairn/store"
)

// The calls between hosts.
const (
	methodAppend     fabric.Method = 0x0101 // AppendEntries of one group
	methodVote       fabric.Method = 0x0102 // RequestVote and RequestPreVote
	methodTimeoutNow fabric.Method = 0x0103 // leadership transfer
	methodPage       fabric.Method = 0x0104 // a part of a snapshot
	methodBeat       fabric.Method = 0x0105 // heartbeats and confirmations of many groups
	methodLeads      fabric.Method = 0x0106 // whether a replica leads; carries no envelope
)

// wireFormat is the first byte of every request. A later format only ever adds
// fields behind those of this one.
const wireFormat = 1

// Bounds of what a peer may send.
const (
	maxBeats     = 1 << 14
	maxBodyBytes = 8 << 20 // of entries in one call, unless one entry is larger
	maxEntries   = 64      // in one call
	pageBytes    = 1 << 20
	maxConfig    = 64 << 10
)

// envelope starts every request: u8 format | u32 group | 16 B target
// incarnation | 16 B source incarnation. A call for another incarnation of the
// node than the one that receives it is refused: it was meant for data that is
// gone.
type envelope struct {
	group          GroupID
	target, source Incarnation
}

func (e envelope) encode() []byte {
	b := appendGroup([]byte{wireFormat}, e.group)
	return append(append(b, e.target[:]...), e.source[:]...)
}

func decodeEnvelope(d *decoder) (e envelope, err error) {
	if f := d.u8(); f != wireFormat {
		return e, store.Errorf(store.KindUnknownFormat, "raft call", "format %d", f)
	}
	e.group = GroupID(d.u32())
	copy(e.target[:], d.take(16))
	copy(e.source[:], d.take(16))
	return e, malformed(d)
}

// malformed returns an error if d ran out of bytes.
func malformed(d *decoder) error {
	if d.bad {
		return store.Errorf(store.KindInvalid, "raft call", "malformed")
	}
	return nil
}

// appendCall is AppendEntries. The body holds the entries' data one behind the
// other. Pipelined calls carry the pipe's number and their place in it, so that
// the receiver can handle them in order; pipe 0 is none.
type appendCall struct {
	req       *raft.AppendEntriesRequest
	pipe, seq uint64
}

func (c appendCall) encode(b []byte) (head []byte, body [][]byte) {
	for _, v := range []uint64{c.req.Term, c.req.PrevLogEntry, c.req.PrevLogTerm, c.req.LeaderCommitIndex, c.pipe, c.seq} {
		b = binary.AppendUvarint(b, v)
	}
	b = binary.AppendUvarint(b, uint64(len(c.req.Entries)))
	for _, e := range c.req.Entries {
		b = append(b, byte(e.Type))
		b = binary.AppendUvarint(b, e.Term)
		b = binary.AppendUvarint(b, uint64(len(e.Data)))
		if len(e.Data) > 0 {
			body = append(body, e.Data)
		}
	}
	return b, body
}

// decodeAppend copies the entries out of the body: they outlive the call.
func decodeAppend(d *decoder, body [][]byte) (c appendCall, err error) {
	c.req = &raft.AppendEntriesRequest{
		Term: d.uvarint(), PrevLogEntry: d.uvarint(), PrevLogTerm: d.uvarint(), LeaderCommitIndex: d.uvarint(),
	}
	c.pipe, c.seq = d.uvarint(), d.uvarint()
	n := d.uvarint()
	if n > maxEntries {
		return c, store.Errorf(store.KindInvalid, "raft call", "%d entries at once; the limit is %d", n, maxEntries)
	}
	sizes := make([]int, 0, n)
	total := 0
	for i := uint64(0); i < n && !d.bad; i++ {
		e := &raft.Log{Index: c.req.PrevLogEntry + 1 + i, Type: raft.LogType(d.u8()), Term: d.uvarint()}
		size := d.uvarint()
		if size > 2*maxBodyBytes {
			d.bad = true
		}
		if e.Type == raft.LogConfiguration && !d.bad && size > maxConfig {
			d.bad = true
		}
		sizes, total = append(sizes, int(size)), total+int(size)
		c.req.Entries = append(c.req.Entries, e)
	}
	if total > 2*maxBodyBytes || malformed(d) != nil {
		return c, store.Errorf(store.KindInvalid, "raft call", "malformed")
	}
	data := make([]byte, 0, total)
	for _, part := range body {
		data = append(data, part[:min(len(part), total-len(data))]...)
	}
	if len(data) != total {
		return c, store.Errorf(store.KindInvalid, "raft call", "%d bytes of entries came of %d", len(data), total)
	}
	for i, size := range sizes {
		c.req.Entries[i].Data = data[:size:size]
		data = data[size:]
	}
	return c, checkConfigs(c.req.Entries)
}

// checkConfigs makes sure that Raft, which panics on a configuration it cannot
// decode, will not meet one.
func checkConfigs(entries []*raft.Log) error {
	for _, e := range entries {
		switch e.Type {
		case raft.LogConfiguration:
			if _, err := decodeConfiguration(e.Data); err != nil {
				return err
			}
		case raft.LogCommand, raft.LogNoop, raft.LogBarrier:
		default:
			return store.Errorf(store.KindInvalid, "raft call", "entry of type %d", e.Type)
		}
	}
	return nil
}

// Flags of an AppendEntries reply.
const (
	flagSuccess   = 1
	flagNoBackoff = 2
	flagMuted     = 4
)

func encodeAppendReply(r *raft.AppendEntriesResponse, muted bool) []byte {
	var flags byte
	if r.Success {
		flags |= flagSuccess
	}
	if r.NoRetryBackoff {
		flags |= flagNoBackoff
	}
	if muted {
		flags |= flagMuted
	}
	b := binary.AppendUvarint([]byte{flags}, r.Term)
	return binary.AppendUvarint(b, r.LastLog)
}

func decodeAppendReply(b []byte, r *raft.AppendEntriesResponse) (muted bool, err error) {
	d := decoder{b: b}
	flags := d.u8()
	r.Success, r.NoRetryBackoff = flags&flagSuccess != 0, flags&flagNoBackoff != 0
	r.Term, r.LastLog = d.uvarint(), d.uvarint()
	return flags&flagMuted != 0, malformed(&d)
}

// voteCall is RequestVote or RequestPreVote; they have the same fields.
type voteCall struct {
	pre, transfer             bool
	term, lastIndex, lastTerm uint64
}

func appendBool(b []byte, v bool) []byte {
	if v {
		return append(b, 1)
	}
	return append(b, 0)
}

func (c voteCall) encode(b []byte) []byte {
	b = appendBool(appendBool(b, c.pre), c.transfer)
	b = binary.AppendUvarint(b, c.term)
	b = binary.AppendUvarint(b, c.lastIndex)
	return binary.AppendUvarint(b, c.lastTerm)
}

func decodeVote(d *decoder) (voteCall, error) {
	c := voteCall{pre: d.bool(), transfer: d.bool(), term: d.uvarint(), lastIndex: d.uvarint(), lastTerm: d.uvarint()}
	return c, malformed(d)
}

func encodeVoteReply(term uint64, granted bool) []byte {
	return binary.AppendUvarint(appendBool(nil, granted), term)
}

func decodeVoteReply(b []byte) (term uint64, granted bool, err error) {
	d := decoder{b: b}
	granted, term = d.bool(), d.uvarint()
	return term, granted, malformed(&d)
}

// pageCall is a part of a snapshot; its bytes are the body. Page 0 carries the
// request.
type pageCall struct {
	session, page uint64
	last          bool
	req           *raft.InstallSnapshotRequest // of page 0
}

func (c pageCall) encode(b []byte) []byte {
	b = binary.AppendUvarint(b, c.session)
	b = binary.AppendUvarint(b, c.page)
	b = appendBool(b, c.last)
	if c.page > 0 {
		return b
	}
	for _, v := range []uint64{c.req.Term, c.req.LastLogIndex, c.req.LastLogTerm, c.req.ConfigurationIndex, uint64(len(c.req.Configuration))} {
		b = binary.AppendUvarint(b, v)
	}
	return append(b, c.req.Configuration...)
}

func decodePage(d *decoder) (pageCall, error) {
	c := pageCall{session: d.uvarint(), page: d.uvarint(), last: d.bool()}
	if c.page > 0 || d.bad {
		return c, malformed(d)
	}
	c.req = &raft.InstallSnapshotRequest{
		SnapshotVersion: 1, Term: d.uvarint(), LastLogIndex: d.uvarint(), LastLogTerm: d.uvarint(),
		ConfigurationIndex: d.uvarint(), Configuration: d.bytes(maxConfig),
	}
	if err := malformed(d); err != nil {
		return c, err
	}
	_, err := decodeConfiguration(c.req.Configuration)
	return c, err
}

// beat is one group's part of a beat call.
type beat struct {
	kind  byte
	group GroupID
	term  uint64
}

// Kinds of beats.
const (
	beatHeart   = 1 // the leader of term lives
	beatConfirm = 2 // the leader of term asks whether there is a newer one
)

func encodeBeats(b []byte, beats []beat) []byte {
	b = binary.AppendUvarint(b, uint64(len(beats)))
	for _, t := range beats {
		b = binary.AppendUvarint(appendGroup(append(b, t.kind), t.group), t.term)
	}
	return b
}

func decodeBeats(d *decoder) ([]beat, error) {
	n := d.uvarint()
	if n > maxBeats {
		d.bad = true
	}
	var out []beat
	for i := uint64(0); i < n && !d.bad; i++ {
		out = append(out, beat{kind: d.u8(), group: GroupID(d.u32()), term: d.uvarint()})
	}
	return out, malformed(d)
}

// beatReply answers one beat, in the same order.
type beatReply struct {
	status  byte
	term    uint64 // of the replica
	lastLog uint64
}

// Statuses of a beat reply.
const (
	beatRefused = 0 // no such replica, one that must not answer, or one that is busy
	beatOK      = 1
	beatStale   = 2 // the replica knows a newer term
)

func encodeBeatReplies(replies []beatReply) []byte {
	b := binary.AppendUvarint(nil, uint64(len(replies)))
	for _, r := range replies {
		b = binary.AppendUvarint(append(b, r.status), r.term)
		b = binary.AppendUvarint(b, r.lastLog)
	}
	return b
}

func decodeBeatReplies(b []byte, want int) ([]beatReply, error) {
	d := decoder{b: b}
	if n := d.uvarint(); n != uint64(want) {
		return nil, store.Errorf(store.KindInvalid, "raft call", "%d replies to %d beats", n, want)
	}
	out := make([]beatReply, want)
	for i := range out {
		out[i] = beatReply{status: d.u8(), term: d.uvarint(), lastLog: d.uvarint()}
	}
	return out, malformed(&d)
}
