package machine

import (
	"crypto/sha256"

	"cairn/store"
)

// tokenHash stands for a client's token and the kind of command it came with.
// The zero value is no token.
type tokenHash [16]byte

func (h *tokenHash) wire(c *coder) { c.blob((*store.BlobID)(h)) }

// tokened is a command that creates something and may carry a client's token:
// repeated with the same token, it answers as the first time for as long as
// what it made exists. request returns what has to be the same then: not what
// the gateway adds to it, such as an LSN or a data key.
type tokened interface {
	token() string
	request() wirer
}

// tokenRec is what a token made.
//
// Format 1: u8 format | 16 B hash of the request | u32 branch | u32 snapshot.
type tokenRec struct {
	request  tokenHash
	branch   Branch
	snapshot SnapshotID
}

func (r *tokenRec) wire(c *coder) {
	r.request.wire(c)
	num32(c, &r.branch)
	num32(c, &r.snapshot)
}

// digest notes the token of the command that is about to be applied.
func (c *change) digest(op opcode, x tokened) {
	if x.token() == "" {
		return
	}
	sum := sha256.Sum256(append([]byte{byte(op)}, x.token()...))
	copy(c.token[:], sum[:])
	sum = sha256.Sum256(encode(x.request()))
	copy(c.request[:], sum[:])
}

// repeated returns what the command's token made before, nil if nothing.
func (c *change) repeated() (*tokenRec, error) {
	if c.token == (tokenHash{}) {
		return nil, nil
	}
	r, err := load[tokenRec](c.view, colToken, c.token[:], "token row")
	if err != nil || r == nil {
		return nil, err
	}
	if r.request != c.request {
		return nil, refuse(store.KindConflict, ReasonToken, "use a new token for another request", "client token")
	}
	return r, nil
}

// remember keeps what the command made under its token.
func (c *change) remember(b Branch, s SnapshotID) {
	if c.token != (tokenHash{}) {
		c.put(colToken, c.token[:], &tokenRec{c.request, b, s})
	}
}

// forget drops the token of something that goes.
func (c *change) forget(t tokenHash) {
	if t != (tokenHash{}) {
		c.delete(colToken, t[:])
	}
}
