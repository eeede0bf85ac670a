package machine

import (
	"cairn/objectapi/checksum"
	"cairn/store"
)

// UploadEntry is an upload in a listing.
type UploadEntry struct {
	Key          string
	ID           UploadID
	Initiated    store.Time
	Owner        string
	StorageClass string
	Algorithm    checksum.Algorithm
	Type         checksum.Type
}

const listingUploads = "list uploads"

// readListUploads answers one page of one range. Format and reply are those of
// [readList] with the fields of an upload.
func readListUploads(rd store.Reader, d *decoder) ([]byte, error) {
	s := d.scan(colUpload)
	if err := d.finish(store.KindInvalid, listingUploads); err != nil {
		return nil, err
	}
	e := newEncoder()
	next, err := s.run(rd, func(it store.Iterator) error {
		u, err := decodeUploadRec(it.Value())
		if err != nil {
			return err
		}
		e.u8(markRow)
		e.bytes(it.Key())
		e.raw(it.Suffix())
		e.u64(uint64(u.initiated))
		e.str(u.Owner)
		e.str(u.StorageClass)
		e.u8(uint8(u.alg))
		e.u8(uint8(u.typ))
		return nil
	}, e.group)
	if err != nil {
		return nil, err
	}
	e.u8(markEnd)
	e.optional(next)
	return e.b, nil
}

func (d *decoder) uploadEntry() (x UploadEntry) {
	x.Key = d.str()
	x.ID = d.upload()
	x.Initiated = d.time()
	x.Owner, x.StorageClass = d.str(), d.str()
	x.Algorithm, x.Type = d.algorithm(), checksum.Type(d.u8())
	return x
}
