package machine

import (
	"cairn/objectapi/checksum"
	"cairn/store"
)

const creating = "create upload"

// createCmd starts a multipart upload.
//
// Format 1: header | key | u64 nonce | u16 class | u8 checksum algorithm | u8
// checksum type | fields. Reply: u8 format | 16 B upload id.
type createCmd struct {
	key   []byte
	nonce uint64
	Meta
	alg checksum.Algorithm
	typ checksum.Type
}

func (c *createCmd) encode() []byte {
	e := newCommand(opCreate, c.key)
	e.u64(c.nonce)
	e.u16(uint16(c.Class))
	e.u8(uint8(c.alg))
	e.u8(uint8(c.typ))
	e.meta(&c.Meta)
	return e.b
}

func decodeCreate(d *decoder) (c createCmd, err error) {
	if c.key, err = d.key(creating); err != nil {
		return c, err
	}
	c.nonce = d.u64()
	c.Class = d.class()
	c.alg, c.typ = d.algorithm(), checksum.Type(d.u8())
	d.fields(&c.Meta, func(tlv, []byte) bool { return false })
	return c, d.finish(store.KindInvalid, creating)
}

// applyCreate writes the upload's row. The upload id begins with the time of the
// group, so that uploads of a key list by their initiation.
func applyCreate(tx store.Txn, at store.Time, d *decoder) ([]byte, error) {
	c, err := decodeCreate(d)
	if err != nil {
		return nil, err
	}
	if (c.alg != checksum.None || c.typ != checksum.NoType) && !c.typ.Allows(c.alg) {
		return nil, fail(creating, c.key, store.KindInvalid, ReasonChecksumType, "")
	}
	if err := c.Meta.check(creating, c.key); err != nil {
		return nil, err
	}
	id := makeUpload(at, c.nonce)
	rec := uploadRec{Meta: c.Meta, initiated: at, alg: c.alg, typ: c.typ}
	tx.Put(colUpload, c.key, id[:], rec.encode())
	e := newEncoder()
	e.raw(id[:])
	return e.b, nil
}

// upload reads an upload id.
func (d *decoder) upload() (id UploadID) {
	copy(id[:], d.take(len(id)))
	return id
}

const aborting = "abort upload"

// applyAbort ends an upload and frees its parts.
//
// Format 1: header | key | 16 B upload id. Reply: u8 format | u8 drain.
func applyAbort(tx store.Txn, d *decoder) ([]byte, error) {
	key, err := d.key(aborting)
	if err != nil {
		return nil, err
	}
	id := d.upload()
	if err := d.finish(store.KindInvalid, aborting); err != nil {
		return nil, err
	}
	if _, err := loadUpload(tx, aborting, key, id); err != nil {
		return nil, err
	}
	tx.Delete(colUpload, key, id[:])
	left, err := bury(tx, key, id, &deadRec{}, inlineFree)
	if err != nil {
		return nil, err
	}
	e := newEncoder()
	e.bool(left)
	return e.b, nil
}
