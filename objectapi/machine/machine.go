package machine

import "cairn/store"

// opcode numbers commands and queries. Numbers are stored in logs.
type opcode uint8

// The commands.
const (
	opPut      opcode = 1
	opDelete   opcode = 2
	opSetTags  opcode = 3
	opCreate   opcode = 4
	opPutPart  opcode = 5
	opComplete opcode = 6
	opAbort    opcode = 7
	opDrain    opcode = 8
	opSeal     opcode = 9
	opUnseal   opcode = 10
)

// The queries.
const (
	askGet         opcode = 128
	askList        opcode = 129
	askUpload      opcode = 130
	askListParts   opcode = 131
	askListUploads opcode = 132
	askObjectParts opcode = 133
	askDead        opcode = 134
)

// Machine implements [store.Machine] for objects. It has no state.
type Machine struct {
	minPart int64 // MinPart, except in tests
}

var (
	_ store.Machine = (*Machine)(nil)
	_ store.Pinner  = (*Machine)(nil)
)

// New returns the machine.
func New() *Machine { return &Machine{minPart: MinPart} }

// Kind implements [store.Machine].
func (m *Machine) Kind() store.Kind { return store.KindObject }

// Pinned implements [store.Pinner]. A query that sees a seal row early finds the
// bucket gone, or open again, and what it then reads of its objects is what was
// there before: none, as only an empty bucket is sealed.
func (m *Machine) Pinned() []store.Col { return []store.Col{colSeal} }

// Inspect implements [store.Machine]. Deletions of any kind free space, and what
// drains them.
func (m *Machine) Inspect(cmd []byte) (frees bool, err error) {
	op, err := newDecoder(cmd).opcode()
	switch {
	case err != nil:
		return false, err
	case op < opPut || op > opUnseal:
		return false, unknownFormat("command number", uint8(op))
	}
	return op == opDelete || op == opAbort || op == opDrain || op == opSeal, nil
}

// Apply implements [store.Machine]. Seal, Unseal and Drain work on a sealed
// bucket; to everything else it is gone.
func (m *Machine) Apply(tx store.Txn, at store.Time, cmd []byte) ([]byte, error) {
	d := newDecoder(cmd)
	op, err := d.opcode()
	if err != nil {
		return nil, err
	}
	switch op {
	case opDrain:
		return applyDrain(tx, d)
	case opSeal:
		return applySeal(tx, at, d)
	case opUnseal:
		return applyUnseal(tx, d)
	}
	if err := checkOpen(tx); err != nil {
		return nil, err
	}
	switch op {
	case opPut:
		return applyPut(tx, at, d)
	case opDelete:
		return applyDelete(tx, d)
	case opSetTags:
		return applySetTags(tx, d)
	case opCreate:
		return applyCreate(tx, at, d)
	case opPutPart:
		return applyPutPart(tx, at, d)
	case opComplete:
		return m.applyComplete(tx, at, d)
	case opAbort:
		return applyAbort(tx, d)
	}
	return nil, unknownFormat("command number", uint8(op))
}

// Read implements [store.Machine]. Queries of the same range see one snapshot,
// and none needs a second look at what an earlier one returned, except to go on
// reading an object: [Window.Version] then guards against a replacement.
func (m *Machine) Read(rd store.Reader, query []byte) ([]byte, error) {
	d := newDecoder(query)
	op, err := d.opcode()
	if err != nil {
		return nil, err
	}
	if op == askDead {
		return readDead(rd, d)
	}
	if err := checkOpen(rd); err != nil {
		return nil, err
	}
	switch op {
	case askGet:
		return readGet(rd, d)
	case askList:
		return readList(rd, d)
	case askUpload:
		return readUpload(rd, d)
	case askListParts:
		return readListParts(rd, d)
	case askListUploads:
		return readListUploads(rd, d)
	case askObjectParts:
		return readObjectParts(rd, d)
	}
	return nil, unknownFormat("query number", uint8(op))
}

// opcode reads the number behind the format byte, of which it has to know the
// format before anything else is looked at.
func (d *decoder) opcode() (opcode, error) {
	op := opcode(d.u8())
	if d.format > formatV1 {
		return op, unknownFormat("command", d.format)
	}
	if d.bad {
		return op, d.finish(store.KindInvalid, "command")
	}
	return op, nil
}

// key reads the key, which every command and most queries begin with, and
// checks it.
func (d *decoder) key(op string) ([]byte, error) {
	key := d.bytes()
	if d.bad {
		return nil, d.finish(store.KindInvalid, op)
	}
	return key, checkKey(op, key)
}

func checkKey(op string, key []byte) error {
	switch {
	case len(key) == 0:
		return fail(op, key, store.KindInvalid, ReasonKey, "a key has at least one byte")
	case len(key) > MaxKey:
		return fail(op, key[:64], store.KindTooLarge, ReasonKey, "a key has at most 1,024 bytes")
	}
	return nil
}

// References implements [store.Machine]. The places a blob may be referred from
// are the head row, the manifest row that belongs to it, and the part rows of
// the key: of uploads in progress, of the object made of parts, and of the dead
// that Drain has not reached. For an object of many parts that is a walk over
// all of them, about a microsecond a part, however many blobs are asked for.
func (m *Machine) References(rd store.Reader, key []byte, blobs []store.BlobID) ([]bool, error) {
	w := wanted{at: map[store.BlobID]int{}, named: make([]bool, len(blobs))}
	for i, b := range blobs {
		w.at[b] = i
	}
	head, err := loadHead(rd, key)
	if err != nil {
		return nil, err
	}
	if head != nil {
		refs := head.body.refs
		if head.body.kind == bodyManifest {
			if refs, err = loadManifest(rd, key, head.Version); err != nil {
				return nil, err
			}
		}
		w.mark(refs)
	}
	return w.named, w.markParts(rd, key)
}

// wanted are blobs that are looked for in rows.
type wanted struct {
	at    map[store.BlobID]int // those not found yet, by their place in named
	named []bool
}

func (w *wanted) mark(refs []store.Ref) {
	for _, r := range refs {
		if i, ok := w.at[r.Blob]; ok {
			w.named[i] = true
			delete(w.at, r.Blob)
		}
	}
}

// markParts looks through the parts of all uploads of key.
func (w *wanted) markParts(rd store.Reader, key []byte) (err error) {
	it, err := rd.Iter(colPart, key, keyAfter(key))
	if err != nil {
		return err
	}
	defer func() { err = closeIter(it, err) }()
	for len(w.at) > 0 && it.Next() {
		p, err := decodePartRec(it.Value())
		if err != nil {
			return err
		}
		w.mark(p.body.refs)
	}
	return nil
}
