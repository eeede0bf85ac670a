package machine

import (
	"encoding/binary"
	"encoding/hex"

	"cairn/store"
)

func makeVersion(at store.Time, nonce uint32) VersionID {
	var v VersionID
	binary.BigEndian.PutUint64(v[:], uint64(at))
	binary.BigEndian.PutUint32(v[8:], nonce)
	return v
}

// String returns the id in hex.
func (v VersionID) String() string { return hex.EncodeToString(v[:]) }

// UploadID names a multipart upload: u64 group time of its initiation in ms |
// u64 random. Uploads of a key sort by their initiation.
type UploadID [16]byte

func makeUpload(at store.Time, nonce uint64) UploadID {
	var u UploadID
	binary.BigEndian.PutUint64(u[:], uint64(at))
	binary.BigEndian.PutUint64(u[8:], nonce)
	return u
}

// String returns the id in hex, as clients see it.
func (u UploadID) String() string { return hex.EncodeToString(u[:]) }

// ParseUploadID reads what [UploadID.String] wrote. Anything else names no
// upload: [store.KindNotFound], [ReasonUpload].
func ParseUploadID(s string) (UploadID, error) {
	var u UploadID
	if n, err := hex.Decode(u[:], []byte(s[:min(len(s), 2*len(u))])); err != nil || n != len(u) || len(s) != 2*len(u) {
		return UploadID{}, fail("parse upload id", nil, store.KindNotFound, ReasonUpload, "")
	}
	return u, nil
}

// rowSuffix returns id followed by a u16, the suffix of part and index rows.
func rowSuffix(id []byte, n int) []byte {
	return binary.BigEndian.AppendUint16(append(make([]byte, 0, len(id)+2), id...), uint16(n))
}
