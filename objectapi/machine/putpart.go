package machine

import (
	"crypto/md5"

	"cairn/objectapi/checksum"
	"cairn/store"
)

const puttingPart = "put part"

// partCmd adds a part to an upload, or replaces the part of its number.
//
// Format 1: header | key | 16 B upload id | u16 number | u64 size | 16 B MD5 |
// content | u8 checksum algorithm, checksum. Reply: u8 format | u64 modified.
type partCmd struct {
	key     []byte
	upload  UploadID
	number  int
	size    int64
	md5     [md5.Size]byte
	content content
	alg     checksum.Algorithm
	sum     []byte
}

func (c *partCmd) encode() []byte {
	e := newCommand(opPutPart, c.key)
	e.raw(c.upload[:])
	e.u16(uint16(c.number))
	e.u64(uint64(c.size))
	e.raw(c.md5[:])
	e.content(&c.content)
	e.sum(c.alg, c.sum)
	return e.b
}

func decodePutPart(d *decoder) (c partCmd, err error) {
	if c.key, err = d.key(puttingPart); err != nil {
		return c, err
	}
	c.upload = d.upload()
	c.number = int(d.u16())
	c.size = int64(d.u64())
	copy(c.md5[:], d.take(len(c.md5)))
	c.content = d.content()
	c.alg, c.sum = d.sum()
	return c, d.finish(store.KindInvalid, puttingPart)
}

// check refuses a part that the upload cannot take. An upload that declared a
// checksum algorithm wants that checksum of every part, for it must be able to
// compute the object's from them.
func (c *partCmd) check(up *uploadRec) error {
	if up.alg != checksum.None && c.alg != up.alg {
		return fail(puttingPart, c.key, store.KindInvalid, ReasonChecksumType, "the upload's algorithm is "+up.alg.String())
	}
	return c.content.check(puttingPart, c.key, c.size)
}

// applyPutPart writes the part's row. Nothing but the upload's existence is
// looked at besides, so parts of one upload arrive in any order and from many
// gateways, each a command of its own; an upload that ended meanwhile refuses
// the part, whose blobs are then orphans.
func applyPutPart(tx store.Txn, at store.Time, d *decoder) ([]byte, error) {
	c, err := decodePutPart(d)
	if err != nil {
		return nil, err
	}
	if c.number < 1 || c.number > MaxParts {
		return nil, fail(puttingPart, c.key, store.KindInvalid, ReasonPartNumber, "parts are numbered 1 to 10,000")
	}
	up, err := loadUpload(tx, puttingPart, c.key, c.upload)
	if err != nil {
		return nil, err
	}
	if err := c.check(up); err != nil {
		return nil, err
	}
	suffix := rowSuffix(c.upload[:], c.number)
	if err := freePart(tx, c.key, suffix); err != nil {
		return nil, err
	}
	part := partRec{size: c.size, modified: at, md5: c.md5, alg: c.alg, sum: c.sum}
	if part.body, err = c.content.take(tx, MaxRefs); err != nil {
		return nil, err
	}
	tx.Put(colPart, c.key, suffix, part.encode())
	e := newEncoder()
	e.u64(uint64(at))
	return e.b, nil
}

// freePart frees the blobs of a part that is about to be replaced, if there is
// one.
func freePart(tx store.Txn, key, suffix []byte) error {
	old, ok, err := tx.Get(colPart, key, suffix)
	if err != nil || !ok {
		return err
	}
	p, err := decodePartRec(old)
	if err != nil {
		return err
	}
	unrefAll(tx, p.body.refs)
	return nil
}
