package machine

import (
	"encoding/binary"

	"cairn/store"
)

// The columns of the block machine. Numbers are stored. Every row of a family
// has [Key] as its key, so that a family is never cut into two ranges; what
// tells rows apart is the suffix.
const (
	// colBranch has the moving part of each volume: suffix branch u32, a branchRec.
	colBranch store.Col = 0x30
	// colChunk has the versions of the chunks: suffix chunk u32, branch u32,
	// ^seq u32, so the newest of a branch comes first; a chunk row.
	colChunk store.Col = 0x31
	// colLive counts what names the pages of each blob: suffix BlobID, a liveRec.
	colLive store.Col = 0x32
	// colSegment has the journal segments: suffix branch u32, segment u32, a Segment.
	colSegment store.Col = 0x33
	// colStamp finds the chunk rows of a branch by their seq: suffix branch u32,
	// seq u32, chunk u32, a format byte. It has a row for each of colChunk.
	colStamp store.Col = 0x34
	// colPoint has the points in a branch's past that are still wanted: suffix
	// branch u32, seq u32, a pointRec.
	colPoint store.Col = 0x35
	// colVolume has the attributes of each volume: suffix branch u32, a volumeRec.
	colVolume store.Col = 0x36
	// colSnapshot has the snapshots: suffix number u32, a Snapshot.
	colSnapshot store.Col = 0x37
	// colSweep has the ranges of stamps whose dead rows wait for Sweep: suffix
	// branch u32, last seq u32, a sweepRec.
	colSweep store.Col = 0x38
	// colHome tells for which pages a blob was written: suffix BlobID, a homeRec.
	colHome store.Col = 0x39
	// colFamily has one row, without a suffix: a familyRec.
	colFamily store.Col = 0x3A
	// colToken makes creations repeatable: suffix 16 B hash of the client's
	// token, a tokenRec.
	colToken store.Col = 0x3B
)

// Key is the key of every row of a family. Blobs are written for the owner
// {family, Key}, and commands are sent to it.
var Key = []byte("volumes")

// keyEnd is the first key behind Key.
var keyEnd = append(append([]byte{}, Key...), 0)

func be32(vs ...uint32) []byte {
	b := make([]byte, 0, 4*len(vs))
	for _, v := range vs {
		b = binary.BigEndian.AppendUint32(b, v)
	}
	return b
}

// suffix32 reads the i-th u32 of a suffix.
func suffix32(suffix []byte, i int) uint32 { return binary.BigEndian.Uint32(suffix[4*i:]) }

func chunkSuffix(chunk uint32, b Branch, seq Seq) []byte {
	return be32(chunk, uint32(b), ^uint32(seq))
}

func stampSuffix(b Branch, seq Seq, chunk uint32) []byte { return be32(uint32(b), uint32(seq), chunk) }
