package storetest

import (
	"bytes"
	"encoding/binary"
	"errors"
	"slices"

	"cairn/store"
)

// column is where the suite's machine keeps its rows.
const column store.Col = 0x10

// refColumn has the rows that refer to blobs.
const refColumn store.Col = 0x11

// The commands and queries of the machine.
const (
	opSet  = 's' // key, suffix, value
	opAdd  = 'a' // key: counts up, replies with the new value
	opFail = 'f' // key, suffix, value: writes and then fails
	opPeek = 'p' // key, suffix, value: writes; replies what Get and Iter see of it
	opBind = 'b' // key, refs: the row refers to them instead of what it referred to
	opTime = 't' // replies with the group time
	askGet = 'g' // key, suffix
	askAll = 'l' // lower, upper, key and suffix to seek: replies all rows from there
	askEnd = 'e' // replies with the range's first key, and the first behind it, if any
)

// reasonFail is the reason of the error of opFail.
const reasonFail = "storetest"

// Machine is a machine of counters, values and references. The zero value is
// ready.
type Machine struct{}

// Kind implements [store.Machine].
func (Machine) Kind() store.Kind { return store.KindObject }

// Inspect implements [store.Machine]: no command of the suite only frees space.
func (Machine) Inspect(cmd []byte) (frees bool, err error) {
	_, _, err = parse(cmd)
	return false, err
}

// request builds a command or query: format, number, fields.
func request(op byte, fields ...[]byte) []byte {
	b := []byte{1, op}
	for _, f := range fields {
		b = append(binary.AppendUvarint(b, uint64(len(f))), f...)
	}
	return b
}

// parse reads what request built; four fields come back, missing ones empty.
func parse(b []byte) (op byte, f [4][]byte, err error) {
	if len(b) < 2 || b[0] != 1 {
		return 0, f, errors.New("bad request")
	}
	op, b = b[1], b[2:]
	for i := 0; len(b) > 0; i++ {
		n, w := binary.Uvarint(b)
		if w <= 0 || i == len(f) || n > uint64(len(b)-w) {
			return 0, f, errors.New("bad request")
		}
		f[i], b = b[w:w+int(n)], b[w+int(n):]
	}
	return op, f, nil
}

// Apply implements [store.Machine].
func (Machine) Apply(tx store.Txn, at store.Time, cmd []byte) ([]byte, error) {
	op, f, err := parse(cmd)
	if err != nil {
		return nil, err
	}
	switch op {
	case opSet:
		tx.Put(column, f[0], f[1], f[2])
		return nil, nil
	case opAdd:
		return add(tx, f[0])
	case opFail:
		tx.Put(column, f[0], f[1], f[2])
		return nil, &store.Error{Op: "fail", Kind: store.KindPrecondition, Reason: reasonFail, Resource: string(f[0])}
	case opPeek:
		return peek(tx, f[0], f[1], f[2])
	case opBind:
		return nil, bind(tx, f[0], f[1])
	case opTime:
		return binary.BigEndian.AppendUint64(nil, uint64(at)), nil
	}
	return nil, &store.Error{Op: "apply", Kind: store.KindUnknownFormat}
}

func add(tx store.Txn, key []byte) ([]byte, error) {
	old, ok, err := tx.Get(column, key, nil)
	if err != nil {
		return nil, err
	}
	v := uint64(1)
	if ok {
		v += binary.BigEndian.Uint64(old)
	}
	out := binary.BigEndian.AppendUint64(nil, v)
	tx.Put(column, key, nil, out)
	return out, nil
}

func peek(tx store.Txn, key, suffix, value []byte) ([]byte, error) {
	tx.Put(column, key, suffix, value)
	got, _, err := tx.Get(column, key, suffix)
	if err != nil {
		return nil, err
	}
	it, err := tx.Iter(column, key, append(bytes.Clone(key), 0))
	if err != nil {
		return nil, err
	}
	seen := []byte("none")
	if it.Next() {
		seen = bytes.Clone(it.Value())
	}
	return append(append(bytes.Clone(got), '|'), seen...), it.Close()
}

// bind makes the key's row name refs, and frees those it named before.
func bind(tx store.Txn, key, packed []byte) error {
	old, ok, err := tx.Get(refColumn, key, nil)
	if err != nil {
		return err
	}
	if ok {
		refs, _, err := store.DecodeRefs(old)
		if err != nil {
			return err
		}
		for _, r := range refs {
			tx.Unref(r)
		}
	}
	refs, _, err := store.DecodeRefs(packed)
	if err != nil {
		return err
	}
	for _, r := range refs {
		if err := tx.Ref(r.Blob); err != nil {
			return err
		}
	}
	tx.Put(refColumn, key, nil, packed)
	return nil
}

// Read implements [store.Machine].
func (Machine) Read(rd store.Reader, query []byte) ([]byte, error) {
	op, f, err := parse(query)
	if err != nil {
		return nil, err
	}
	switch op {
	case askGet:
		v, ok, err := rd.Get(column, f[0], f[1])
		if err == nil && !ok {
			err = &store.Error{Op: "get", Kind: store.KindNotFound, Resource: string(f[0])}
		}
		return v, err
	case askAll:
		return readAll(rd, f)
	case askEnd:
		reply := [][]byte{rd.RangeStart()}
		if end := rd.RangeEnd(); end != nil {
			reply = append(reply, end)
		}
		return request('r', reply...), nil
	}
	return nil, &store.Error{Op: "read", Kind: store.KindUnknownFormat}
}

// readAll replies with the rows from (f[2], f[3]) on inside [f[0], f[1]), as
// request packs them: key, suffix, value, each.
func readAll(rd store.Reader, f [4][]byte) ([]byte, error) {
	upper := f[1]
	if len(upper) == 0 {
		upper = nil
	}
	it, err := rd.Iter(column, f[0], upper)
	if err != nil {
		return nil, err
	}
	var out [][]byte
	ok := false
	if len(f[2]) > 0 {
		ok = it.SeekGE(f[2], f[3])
	} else {
		ok = it.Next()
	}
	for ; ok; ok = it.Next() {
		out = append(out, bytes.Clone(it.Key()), bytes.Clone(it.Suffix()), bytes.Clone(it.Value()))
	}
	return request('r', out...), it.Close()
}

// References implements [store.Machine].
func (Machine) References(rd store.Reader, key []byte, blobs []store.BlobID) ([]bool, error) {
	named := make([]bool, len(blobs))
	v, ok, err := rd.Get(refColumn, key, nil)
	if err != nil || !ok {
		return named, err
	}
	refs, _, err := store.DecodeRefs(v)
	if err != nil {
		return nil, err
	}
	for _, r := range refs {
		if i := slices.Index(blobs, r.Blob); i >= 0 {
			named[i] = true
		}
	}
	return named, nil
}
