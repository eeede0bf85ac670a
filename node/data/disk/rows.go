package disk

import (
	"encoding/binary"

	"cairn/store"
)

// The first byte of every key of the index; see the package comment.
const (
	rowShard      = 's'
	rowTombstone  = 't'
	rowByAge      = 'x'
	rowFence      = 'f'
	rowCheckpoint = 'c'

	rowFormat = 1

	flagBad = 1 << 0 // failed a check; repair must replace it
)

// shardRow says where a shard is. Segment 0 means that its bytes are gone.
type shardRow struct {
	place
	dataLen uint32
	hdr     uint16 // bytes of the record's header
	flags   uint8
	crc     uint32 // of the shard's data
}

func (r *shardRow) bad() bool { return r.flags&flagBad != 0 }

// size returns the bytes of the record in its segment.
func (r *shardRow) size() int64 { return int64(recordSize(int(r.hdr), int(r.dataLen))) }

// sameContent reports whether two rows describe equal bytes.
func (r *shardRow) sameContent(dataLen int, crc uint32) bool {
	return int(r.dataLen) == dataLen && r.crc == crc
}

const shardRowSize = 1 + 4 + 4 + 4 + 2 + 1 + 4

func (r *shardRow) encode() []byte {
	b := append(make([]byte, 0, shardRowSize), rowFormat)
	b = binary.BigEndian.AppendUint32(b, r.seg)
	b = binary.BigEndian.AppendUint32(b, r.off)
	b = binary.BigEndian.AppendUint32(b, r.dataLen)
	b = binary.BigEndian.AppendUint16(b, r.hdr)
	b = append(b, r.flags)
	return binary.BigEndian.AppendUint32(b, r.crc)
}

func decodeShardRow(b []byte) (r shardRow, err error) {
	if err := checkRow(b, shardRowSize, "shard row"); err != nil {
		return r, err
	}
	return shardRow{
		place:   place{binary.BigEndian.Uint32(b[1:]), binary.BigEndian.Uint32(b[5:])},
		dataLen: binary.BigEndian.Uint32(b[9:]),
		hdr:     binary.BigEndian.Uint16(b[13:]),
		flags:   b[15],
		crc:     binary.BigEndian.Uint32(b[16:]),
	}, nil
}

// checkRow refuses a value of another format or length.
func checkRow(b []byte, size int, what string) error {
	if len(b) > 0 && b[0] != rowFormat {
		return unknownFormat("read index", what, b[0])
	}
	if len(b) != size {
		return store.Errorf(store.KindCorrupt, "read index", "%s of %d bytes", what, len(b))
	}
	return nil
}

func encodeU32s(vs ...uint32) []byte {
	b := append(make([]byte, 0, 1+4*len(vs)), rowFormat)
	for _, v := range vs {
		b = binary.BigEndian.AppendUint32(b, v)
	}
	return b
}

func decodeU32(b []byte, what string) (uint32, error) {
	if err := checkRow(b, 5, what); err != nil {
		return 0, err
	}
	return binary.BigEndian.Uint32(b[1:]), nil
}

func decodePlace(b []byte) (place, error) {
	if err := checkRow(b, 9, "checkpoint"); err != nil {
		return place{}, err
	}
	return place{binary.BigEndian.Uint32(b[1:]), binary.BigEndian.Uint32(b[5:])}, nil
}

const (
	shardKeySize = 1 + 16 + 1
	blobKeySize  = 1 + 16
	ageKeySize   = 1 + 4 + 16
)

func shardKey(id ShardID) []byte {
	return append(blobKey(rowShard, id.Blob), id.Index)
}

// blobKey is the key of a blob's tombstone, or the prefix of its shards' keys:
// a blob id begins with its placement group.
func blobKey(row byte, b store.BlobID) []byte {
	return append(append(make([]byte, 0, shardKeySize), row), b[:]...)
}

func blobOfKey(key []byte) (b store.BlobID) {
	copy(b[:], key[1:])
	return b
}

func shardOfKey(key []byte) ShardID {
	return ShardID{Blob: blobOfKey(key), Index: key[len(key)-1]}
}

func ageKey(deleted uint32, b store.BlobID) []byte {
	k := append(make([]byte, 0, ageKeySize), rowByAge)
	return append(binary.BigEndian.AppendUint32(k, deleted), b[:]...)
}

func fenceKey(pg uint32) []byte { return binary.BigEndian.AppendUint32([]byte{rowFence}, pg) }

// pgBounds returns the bounds of the rows of one placement group.
func pgBounds(row byte, pg uint32) (lower, upper []byte) {
	lower = binary.BigEndian.AppendUint32([]byte{row}, pg)
	return lower, prefixEnd(lower)
}

// prefixEnd returns the first key behind all that begin with prefix, which must
// not be all 0xff; row bytes never are.
func prefixEnd(prefix []byte) []byte {
	end := append([]byte(nil), prefix...)
	for i := len(end) - 1; ; i-- {
		end[i]++
		if end[i] != 0 {
			return end[:i+1]
		}
	}
}
