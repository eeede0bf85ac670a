package md5lanes

import (
	"encoding"
	"encoding/binary"
	"hash"
	"slices"
)

const (
	// Lanes is how many messages are hashed at a time, at most.
	Lanes = 8

	blockSize = 64
)

// State is the state of all lanes: the words A, B, C and D of each.
type State [4][Lanes]uint32

// kernel adds n blocks to each of the first lanes of a state.
type kernel struct {
	lanes  int
	blocks func(s *State, data *[Lanes]*byte, n int)
}

// available are this CPU's kernels by the number of their lanes.
var available = kernels()

// Write adds pieces[i] to hashes[i] for all i, at most [Lanes]. The hashes are
// those of [crypto/md5.New] and no two are the same; the pieces have one length.
func Write(hashes []hash.Hash, pieces [][]byte) {
	i := slices.IndexFunc(available, func(k kernel) bool { return k.lanes >= len(hashes) })
	if i < 0 || len(hashes) < 2 || !aligned(hashes, pieces) {
		for i, h := range hashes {
			h.Write(pieces[i])
		}
		return
	}
	available[i].write(hashes, pieces)
}

func (k kernel) write(hashes []hash.Hash, pieces [][]byte) {
	var (
		s    State
		data [Lanes]*byte
		kept [Lanes][marshaledSize]byte
	)
	for i := range data {
		data[i] = &pieces[0][0] // what a lane without a message computes is not looked at
	}
	for i, h := range hashes {
		data[i] = &pieces[i][0]
		marshal(h, &kept[i])
		s.load(i, &kept[i])
	}
	n := len(pieces[0]) / blockSize
	k.blocks(&s, &data, n)
	for i, h := range hashes {
		s.store(i, &kept[i], n)
		unmarshal(h, &kept[i])
		h.Write(pieces[i][n*blockSize:])
	}
}

// aligned reports whether all hashes stand between blocks and there are blocks
// to be hashed.
func aligned(hashes []hash.Hash, pieces [][]byte) bool {
	var b [marshaledSize]byte
	for _, h := range hashes {
		if marshal(h, &b); length(&b)%blockSize != 0 {
			return false
		}
	}
	return len(pieces[0]) >= blockSize
}

// The marshaled form of crypto/md5's state: magic 4 | A B C D u32 | the begun
// block 64 | length u64.
const (
	marshaledSize = 92
	stateAt       = 4
	lengthAt      = 84
)

// marshal writes h's state to b. It panics when the form is not the one that
// this package knows; the tests find that with a new version of Go.
func marshal(h hash.Hash, b *[marshaledSize]byte) {
	out, err := h.(encoding.BinaryAppender).AppendBinary(b[:0])
	if err != nil || len(out) != marshaledSize {
		panic("md5lanes: unknown form of crypto/md5's state")
	}
}

func unmarshal(h hash.Hash, b *[marshaledSize]byte) {
	if err := h.(encoding.BinaryUnmarshaler).UnmarshalBinary(b[:]); err != nil {
		panic("md5lanes: " + err.Error())
	}
}

func length(b *[marshaledSize]byte) uint64 { return binary.BigEndian.Uint64(b[lengthAt:]) }

func (s *State) load(lane int, b *[marshaledSize]byte) {
	for w := range s {
		s[w][lane] = binary.BigEndian.Uint32(b[stateAt+4*w:])
	}
}

// store writes a lane's state and counts the blocks that brought it there.
func (s *State) store(lane int, b *[marshaledSize]byte, blocks int) {
	for w := range s {
		binary.BigEndian.PutUint32(b[stateAt+4*w:], s[w][lane])
	}
	binary.BigEndian.PutUint64(b[lengthAt:], length(b)+uint64(blocks*blockSize))
}
