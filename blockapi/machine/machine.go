package machine

import "cairn/store"

// command is a change that a client asks for. apply returns the reply, nil if
// there is none.
type command interface {
	wirer
	apply(*change) (wirer, error)
}

// query is a question.
type query interface {
	wirer
	read(view) (wirer, error)
}

// Machine implements [store.Machine] for families of volumes. It has no state.
type Machine struct{}

var _ store.Machine = (*Machine)(nil)

// New returns the machine.
func New() *Machine { return &Machine{} }

// Kind implements [store.Machine].
func (*Machine) Kind() store.Kind { return store.KindBlock }

// opcode reads the number behind the format byte, of which it has to know the
// format before anything else is looked at.
func (c *coder) opcode() (opcode, error) {
	var op opcode
	num8(c, &op)
	if c.format > formatV1 {
		return op, unknownFormat("command", c.format)
	}
	if c.bad || c.format != formatV1 {
		return op, c.finish(store.KindInvalid, "command")
	}
	return op, nil
}

// Inspect implements [store.Machine]. What deletes frees space. So do flushes
// in the end, as they let the journal be trimmed, but they bring blobs.
func (*Machine) Inspect(cmd []byte) (frees bool, err error) {
	op, err := newReader(cmd).opcode()
	if err != nil {
		return false, err
	}
	k, ok := commands[op]
	if !ok {
		return false, unknownFormat("command number", uint8(op))
	}
	return k.frees, nil
}

// Apply implements [store.Machine].
func (*Machine) Apply(tx store.Txn, at store.Time, cmd []byte) ([]byte, error) {
	r := newReader(cmd)
	op, err := r.opcode()
	if err != nil {
		return nil, err
	}
	k, ok := commands[op]
	if !ok {
		return nil, unknownFormat("command number", uint8(op))
	}
	x := k.make()
	x.wire(r)
	if err := r.finish(store.KindInvalid, k.name); err != nil {
		return nil, err
	}
	c := newChange(tx, at)
	if t, ok := x.(tokened); ok {
		c.digest(op, t)
	}
	reply, err := x.apply(c)
	if err == nil {
		err = c.commit()
	}
	if err != nil {
		return nil, named(k.name, err)
	}
	return encodeReply(reply), nil
}

// Read implements [store.Machine].
func (*Machine) Read(rd store.Reader, q []byte) ([]byte, error) {
	r := newReader(q)
	op, err := r.opcode()
	if err != nil {
		return nil, err
	}
	k, ok := queries[op]
	if !ok {
		return nil, unknownFormat("query number", uint8(op))
	}
	x := k.make()
	x.wire(r)
	if err := r.finish(store.KindInvalid, k.name); err != nil {
		return nil, err
	}
	reply, err := x.read(view{rd})
	if err != nil {
		return nil, named(k.name, err)
	}
	return encodeReply(reply), nil
}

// empty is the reply of commands that have nothing to say.
type empty struct{}

func (*empty) wire(*coder) {}

func encodeReply(v wirer) []byte {
	if v == nil {
		v = &empty{}
	}
	return encode(v)
}

// References implements [store.Machine]: a blob has a live row for exactly as
// long as a row names it.
func (*Machine) References(rd store.Reader, key []byte, blobs []store.BlobID) ([]bool, error) {
	named := make([]bool, len(blobs))
	if string(key) != string(Key) {
		return named, nil
	}
	for i, b := range blobs {
		_, ok, err := rd.Get(colLive, Key, b[:])
		if err != nil {
			return nil, err
		}
		named[i] = ok
	}
	return named, nil
}
