package store

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"time"
)

// MaxBlob is the largest payload of one blob, in bytes.
const MaxBlob = 8 << 20

// Kind says which service a namespace belongs to. It selects the [Machine].
type Kind uint8

// The kinds; they are stored in the top two bits of an [NS].
const (
	KindObject Kind = 0
	KindFile   Kind = 1
	KindBlock  Kind = 2
)

// NS names a namespace: a bucket, a filesystem, a family of volumes. The top
// two bits are its [Kind], the rest an id that is never reused.
type NS uint64

// MakeNS builds the namespace of kind k with the given id (below 2^62).
func MakeNS(k Kind, id uint64) NS { return NS(uint64(k)<<62 | id&(1<<62-1)) }

// Kind returns the service the namespace belongs to.
func (n NS) Kind() Kind { return Kind(n >> 62) }

// ID returns the namespace's number within its kind.
func (n NS) ID() uint64 { return uint64(n) & (1<<62 - 1) }

// Epoch2020 is the zero of a blob's creation second.
var Epoch2020 = time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)

// BlobID names an immutable blob, for ever. Layout, big-endian:
// pg u32 | created u32 (seconds since [Epoch2020]) | writer u32 | seq u32.
// The writer number is handed out once per process start and never again, so
// ids are unique without coordination; they sort by placement group, then age.
type BlobID [16]byte

// MakeBlobID composes an id. Only the engine makes new ids.
func MakeBlobID(pg, created, writer, seq uint32) BlobID {
	var b BlobID
	binary.BigEndian.PutUint32(b[0:], pg)
	binary.BigEndian.PutUint32(b[4:], created)
	binary.BigEndian.PutUint32(b[8:], writer)
	binary.BigEndian.PutUint32(b[12:], seq)
	return b
}

// PG returns the placement group that holds the blob's shards.
func (b BlobID) PG() uint32 { return binary.BigEndian.Uint32(b[0:]) }

// Created returns the second the blob was made, since [Epoch2020].
func (b BlobID) Created() uint32 { return binary.BigEndian.Uint32(b[4:]) }

// Writer returns the number of the process that made the blob.
func (b BlobID) Writer() uint32 { return binary.BigEndian.Uint32(b[8:]) }

// Seq returns the blob's number within its writer.
func (b BlobID) Seq() uint32 { return binary.BigEndian.Uint32(b[12:]) }

// String returns the id in hex.
func (b BlobID) String() string { return hex.EncodeToString(b[:]) }

// ParseBlobID reads what [BlobID.String] wrote.
func ParseBlobID(s string) (BlobID, error) {
	var b BlobID
	if n, err := hex.Decode(b[:], []byte(s)); err != nil || n != len(b) || len(s) != 2*len(b) {
		return b, fmt.Errorf("blob id %q is not 32 hex digits", s)
	}
	return b, nil
}

// Time is group time: milliseconds since the Unix epoch as stamped into a
// group's log. It never runs backwards within a group and is the only clock a
// [Machine] may look at.
type Time int64

// TimeOf converts a wall-clock time.
func TimeOf(t time.Time) Time { return Time(t.UnixMilli()) }

// Std returns the time in UTC.
func (t Time) Std() time.Time { return time.UnixMilli(int64(t)).UTC() }

// CreatedSeconds converts t to the scale of [BlobID.Created].
func (t Time) CreatedSeconds() int64 { return int64(t)/1000 - Epoch2020.Unix() }
