package fabric

import (
	"encoding/binary"
	"fmt"
	"sync/atomic"

	"google.golang.org/grpc/mem"
)

// A frame is what gRPC sends for a call or a reply:
// u8 status | u16 method | u32 head length | head | body.
const (
	framePrefix = 7
	maxHead     = 4 << 20
	maxMessage  = 40 << 20

	statusOK    = 0
	statusError = 1 // the head is an encoded store.Error
)

// frame is the message type of the codec. On the way out msg is the payload,
// marshaled tells whether gRPC came to take it, and freed, if set, runs when gRPC
// no longer reads the body.
type frame struct {
	status    byte
	method    Method
	msg       *Message
	marshaled bool
	freed     func()
}

// codec passes frames through without copying bodies. It is stateless.
type codec struct{}

// Name is the content-subtype.
func (codec) Name() string { return "cairn" }

// smallBody is the size up to which a body is copied into the frame's first
// buffer. gRPC does not report the release of buffers of 1 KiB or less.
const smallBody = 4 << 10

// Marshal lays a frame out as buffers: prefix and head in one, the body's parts
// as they are.
func (codec) Marshal(v any) (mem.BufferSlice, error) {
	f, ok := v.(*frame)
	if !ok {
		return nil, fmt.Errorf("fabric codec: %T is not a frame", v)
	}
	f.marshaled = true
	first := make([]byte, framePrefix, framePrefix+len(f.msg.Head)+smallBody)
	first[0] = f.status
	binary.BigEndian.PutUint16(first[1:], uint16(f.method))
	binary.BigEndian.PutUint32(first[3:], uint32(len(f.msg.Head)))
	first = append(first, f.msg.Head...)
	t := &tracker{done: f.freed}
	t.left.Store(1)
	out := mem.BufferSlice{nil}
	for _, p := range f.msg.Body {
		switch {
		case len(p) <= smallBody && len(out) == 1:
			first = append(first, p...)
		case len(p) <= smallBody:
			out = append(out, mem.SliceBuffer(append([]byte(nil), p...)))
		default:
			t.left.Add(1)
			out = append(out, mem.NewBuffer(&p, t))
		}
	}
	out[0] = mem.SliceBuffer(first)
	t.Put(nil)
	return out, nil
}

// Unmarshal takes a frame apart. The body keeps references to gRPC's receive
// buffers until the message is released.
func (codec) Unmarshal(data mem.BufferSlice, v any) error {
	f, ok := v.(*frame)
	if !ok {
		return fmt.Errorf("fabric codec: %T is not a frame", v)
	}
	r := data.Reader()
	defer r.Close()
	var prefix [framePrefix]byte
	if err := readFull(r, prefix[:]); err != nil {
		return err
	}
	n := binary.BigEndian.Uint32(prefix[3:])
	if n > maxHead {
		return fmt.Errorf("fabric codec: head of %d bytes", n)
	}
	head := make([]byte, n)
	if err := readFull(r, head); err != nil {
		return err
	}
	f.status, f.method = prefix[0], Method(binary.BigEndian.Uint16(prefix[1:]))
	f.msg = &Message{Head: head}
	f.msg.Body, f.msg.OnFree = hold(data, framePrefix+int(n))
	return nil
}

func readFull(r *mem.Reader, b []byte) error {
	for len(b) > 0 {
		n, err := r.Read(b)
		if err != nil {
			return fmt.Errorf("fabric codec: short frame: %w", err)
		}
		b = b[n:]
	}
	return nil
}

// hold returns the bytes of data behind skip and a function that frees them.
func hold(data mem.BufferSlice, skip int) (parts [][]byte, free func()) {
	var held []mem.Buffer
	for _, b := range data {
		d := b.ReadOnlyData()
		if skip >= len(d) {
			skip -= len(d)
			continue
		}
		b.Ref()
		held = append(held, b)
		parts = append(parts, d[skip:])
		skip = 0
	}
	if len(held) == 0 {
		return nil, nil
	}
	return parts, func() {
		for _, b := range held {
			b.Free()
		}
	}
}

// tracker is the pool that gRPC gives the body's parts back to: it counts them
// and runs done when none is left.
type tracker struct {
	left atomic.Int32
	done func()
}

// Get is never called: nothing is allocated from a tracker.
func (t *tracker) Get(n int) *[]byte {
	b := make([]byte, n)
	return &b
}

// Put takes one part back.
func (t *tracker) Put(*[]byte) {
	if t.left.Add(-1) == 0 && t.done != nil {
		t.done()
	}
}
