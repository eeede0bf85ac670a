package meta

import (
	"encoding/binary"

	"google.golang.org/protobuf/proto"

	pb "cairn/proto"
	"cairn/store"
)

// Formats of a command in the log, the first byte of each.
const (
	// formatWhole: a MetaCommand. Earlier versions wrote all commands so.
	formatWhole = 1
	// formatSplit: a framed MetaCommand with a Run that lacks the machine's
	// command, which is the tail: it may be large and is never copied.
	formatSplit = 2
)

// encodeCommand puts the format byte before a command. c is changed meanwhile.
func encodeCommand(c *pb.MetaCommand) ([]byte, error) {
	run := c.GetRun()
	if run == nil {
		return proto.MarshalOptions{}.MarshalAppend([]byte{formatWhole}, c)
	}
	tail := run.Cmd
	run.Cmd = nil
	defer func() { run.Cmd = tail }()
	return framed([]byte{formatSplit}, c, tail)
}

// decodeCommand undoes encodeCommand. The machine's command aliases b.
func decodeCommand(b []byte) (*pb.MetaCommand, error) {
	if len(b) == 0 {
		return nil, store.Errorf(store.KindInvalid, "metadata command", "empty")
	}
	c := &pb.MetaCommand{}
	switch b[0] {
	case formatWhole:
		if err := proto.Unmarshal(b[1:], c); err != nil {
			return nil, store.Errorf(store.KindInvalid, "metadata command", "%w", err)
		}
		return c, nil
	case formatSplit:
		tail, err := unframe(b[1:], c)
		if err != nil {
			return nil, err
		}
		run := c.GetRun()
		if run == nil || len(run.Cmd) > 0 {
			return nil, store.Errorf(store.KindInvalid, "metadata command", "not a machine's command")
		}
		run.Cmd = tail
		return c, nil
	}
	return nil, unknownFormat("metadata command", b[0])
}

// framed appends a message with its length before it and a tail behind it.
func framed(dst []byte, m proto.Message, tail []byte) ([]byte, error) {
	n := proto.Size(m)
	out := make([]byte, 0, len(dst)+binary.MaxVarintLen32+n+len(tail))
	out = binary.AppendUvarint(append(out, dst...), uint64(n))
	out, err := proto.MarshalOptions{UseCachedSize: true}.MarshalAppend(out, m)
	return append(out, tail...), err
}

// unframe reads what framed appended. The tail aliases b.
func unframe(b []byte, m proto.Message) (tail []byte, err error) {
	n, used := binary.Uvarint(b)
	if used <= 0 || n > uint64(len(b)-used) {
		return nil, store.Errorf(store.KindInvalid, "metadata call", "a frame of %d bytes is malformed", len(b))
	}
	b = b[used:]
	if err := proto.Unmarshal(b[:n:n], m); err != nil {
		return nil, store.Errorf(store.KindInvalid, "metadata call", "%w", err)
	}
	return b[n:], nil
}
