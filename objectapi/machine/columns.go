package machine

import "cairn/store"

// The columns of the object machine. Numbers are stored.
const (
	// colHead has the current object of each key: no suffix, an objRec.
	colHead store.Col = 0x10
	// colVersion is kept for versions that are not current: suffix ^ts u64,
	// random u32, an objRec. Nothing writes it as long as buckets have no
	// versioning, but a bucket that has such rows is not empty.
	colVersion store.Col = 0x11
	// colUpload has the multipart uploads in progress: suffix UploadID, an uploadRec.
	colUpload store.Col = 0x12
	// colPart has the parts of uploads and of the objects made of them: suffix
	// UploadID, part number u16, a partRec.
	colPart store.Col = 0x13
	// colManifest has, with suffix VersionID, page u16: the refs of a PUT that
	// does not fit its head row (page 0), or the pages of the part index of a
	// multipart object.
	colManifest store.Col = 0x14
	// colDead has the parts that wait for Drain: suffix UploadID, a deadRec.
	colDead store.Col = 0x15
	// colSeal has a row under the range's first key if the bucket is sealed.
	colSeal store.Col = 0x16
)
