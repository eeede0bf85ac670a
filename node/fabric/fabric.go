package fabric

import (
	"context"
	"sync/atomic"

	"cairn/placement"
)

// Method numbers a call. Numbers go over the wire; each service owns a block
// of 256: raft 0x01xx, root 0x02xx, meta 0x03xx, data 0x04xx, journal 0x05xx.
type Method uint16

// Peer is the caller of a call, as authenticated by its certificate.
type Peer struct {
	Node placement.NodeID
}

// Message is a request or a reply. Head is small; Body is bulk, in parts that
// are sent one behind the other. The receiver gets Body in pooled memory and
// must Release it; the sender's parts must not change until Call returns.
type Message struct {
	Head    []byte
	Body    [][]byte
	OnFree  func() // called once by Release
	release bool
}

// Release gives the body's memory back. Further calls do nothing. It is safe
// on a nil message.
func (m *Message) Release() {
	if m == nil || m.release {
		return
	}
	m.release = true
	if m.OnFree != nil {
		m.OnFree()
	}
}

// BodyLen returns the number of bytes in the body.
func (m *Message) BodyLen() int {
	n := 0
	for _, p := range m.Body {
		n += len(p)
	}
	return n
}

// Handler serves a method. The request's body is valid until it returns; the
// reply is released by the fabric once it was sent.
type Handler func(ctx context.Context, from Peer, req *Message) (*Message, error)

// Fabric sends calls to nodes and serves those that arrive.
type Fabric interface {
	// Self returns this node's id.
	Self() placement.NodeID

	// Handle registers the handler of a method. It must be called before the
	// first call of that method arrives; a second registration panics.
	Handle(m Method, h Handler)

	// Call sends req to a node (this one included) and waits for its reply.
	// The deadline of ctx travels with the call. The caller releases the reply.
	Call(ctx context.Context, to placement.NodeID, m Method, req *Message) (*Message, error)

	// SetPeer tells where a node listens. The in-process fabric ignores it.
	SetPeer(id placement.NodeID, addr string)
}

// calls counts the calls that this process sent to a node other than the caller.
var calls atomic.Uint64

// Calls returns how many calls this process has sent to nodes other than the
// calling one, for measurements.
func Calls() uint64 { return calls.Load() }
