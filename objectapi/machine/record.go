package machine

import (
	"crypto/md5"
	"encoding/hex"
	"strconv"

	"cairn/objectapi/checksum"
	"cairn/store"
)

// Pair is a name and a value: of user metadata, or of a tag.
type Pair struct{ Name, Value string }

// Meta is what the creator of an object fixes besides its bytes.
type Meta struct {
	ContentType        string
	CacheControl       string
	ContentDisposition string
	ContentEncoding    string
	ContentLanguage    string
	Expires            string
	Redirect           string // x-amz-website-redirect-location
	User               []Pair // x-amz-meta-*, names without that prefix, in lower case
	Tags               []Pair
	Owner              string      // canonical id
	StorageClass       string      // S3's name; empty means STANDARD
	Class              store.Class // where the data was placed
}

// Checksum is an S3 checksum; its zero value is none. Sum is the raw value,
// without the "-N" that the printed form of a composite one has.
type Checksum struct {
	Algorithm checksum.Algorithm
	Type      checksum.Type
	Sum       []byte
}

// VersionID names one write of a key: u64 group time in ms | u32 random. It
// orders the writes of a key by their commit.
type VersionID [12]byte

// Record is an object as its key's current row describes it.
type Record struct {
	Meta
	Size     int64
	Modified store.Time // when the write committed; for a multipart object, its completion
	Version  VersionID
	MD5      [md5.Size]byte // of the data; of the parts' MD5s if Parts > 0
	Parts    int            // parts of a multipart object, else 0
	Override string         // ETag that is not the MD5, without quotes
	Checksum Checksum
}

// ETag returns the entity tag without quotes: the MD5 in hex, with "-N" behind
// it for a multipart object of N parts, unless there is an override.
func (r *Record) ETag() string { return etag(r.MD5, r.Parts, r.Override) }

func etag(sum [md5.Size]byte, parts int, override string) string {
	switch {
	case override != "":
		return override
	case parts > 0:
		return hex.EncodeToString(sum[:]) + "-" + strconv.Itoa(parts)
	}
	return hex.EncodeToString(sum[:])
}

// Piece is a run of an object's bytes. If Data is nil, it is the bytes
// [Off, Off+Len) of the blob, as [store.Blobs.Get] takes them.
type Piece struct {
	Data []byte
	Ref  store.Ref
	Off  int
	Len  int
}

// Object is the answer to a Get: the record, and where the asked bytes are.
type Object struct {
	Record
	Off    int64 // the window that was asked for, clipped to the object
	Len    int64
	Pieces []Piece // its bytes in order, from Off on
	// Next is the offset at which a further Get, with Version set, goes on; it
	// is Off+Len if Pieces are complete.
	Next int64
}

// Window selects bytes of an object. The zero value selects none.
type Window struct {
	Off, Len int64 // Len < 0: to the end
	Suffix   int64 // if > 0: the last Suffix bytes, whatever Off and Len say
	Part     int   // if > 0: the bytes of the Part-th part, the first being 1, whatever the others say
	// Version, if not zero, makes the Get fail with [store.KindConflict] if the
	// object is not that one any more.
	Version VersionID
}

// Whole selects all bytes.
var Whole = Window{Len: -1}

// Cond is what must hold of the current object for a command to have an
// effect. The zero value always holds.
type Cond struct {
	// Absent: there is no object (If-None-Match: *). Else the error is
	// [store.KindPrecondition], [ReasonExists].
	Absent bool
	// ETag: the object has this ETag, without quotes; "*": there is one. Else
	// the error is [store.KindPrecondition], [ReasonETag]; without an object,
	// [store.KindNotFound], [ReasonKey].
	ETag string
	// NotETag: the object, if there is one, has another ETag (If-None-Match with
	// an entity tag). Else the error is [store.KindPrecondition], [ReasonExists].
	NotETag string
	// Size and Modified (compared in seconds) are those of the object. Only
	// Delete looks at them. Errors as for ETag, with [ReasonSize] and
	// [ReasonModified].
	Size     *int64
	Modified *store.Time
}

// Info is what a command that made an object says of it.
type Info struct {
	Version  VersionID
	Modified store.Time
	Size     int64
	ETag     string // without quotes
	Checksum Checksum
	Replaced bool // there was an object before
	Drain    bool // call [Client.Drain] for this key soon: freed data waits for it
}
