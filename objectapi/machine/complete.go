package machine

import (
	"crypto/md5"
	"time"

	"cairn/objectapi/checksum"
	"cairn/store"
)

const completing = "complete upload"

// completeWindow is how long after its success a repeated Complete of the same
// list succeeds again, as long as the object is still the current one.
const completeWindow = store.Time(24 * time.Hour / time.Millisecond)

// completeCmd makes an object of parts.
//
// Format 1: header | key | 16 B upload id | cond | u32 nonce | u8 has size, u64
// size | u8 checksum type | u8 checksum algorithm, checksum | uvarint count |
// per part: u16 number | 16 B MD5 | u8 checksum algorithm, checksum.
type completeCmd struct {
	key    []byte
	upload UploadID
	cond   Cond
	nonce  uint32
	size   *int64   // what the parts must add up to
	expect Checksum // what the checksum must be; Sum may be missing
	parts  []listedPart
}

// listedPart is a part as its uploader knows it.
type listedPart struct {
	number int
	md5    [md5.Size]byte
	alg    checksum.Algorithm
	sum    []byte
}

func (c *completeCmd) encode() []byte {
	e := newCommand(opComplete, c.key)
	e.raw(c.upload[:])
	e.cond(&c.cond)
	e.u32(c.nonce)
	e.bool(c.size != nil)
	if c.size != nil {
		e.u64(uint64(*c.size))
	}
	e.u8(uint8(c.expect.Type))
	e.sum(c.expect.Algorithm, c.expect.Sum)
	e.uvarint(uint64(len(c.parts)))
	for _, p := range c.parts {
		e.u16(uint16(p.number))
		e.raw(p.md5[:])
		e.sum(p.alg, p.sum)
	}
	return e.b
}

// decodeComplete reads the command behind its number. The list's length is
// bounded by the command's, and by check.
func decodeComplete(d *decoder) (c completeCmd, err error) {
	if c.key, err = d.key(completing); err != nil {
		return c, err
	}
	c.upload = d.upload()
	c.cond = d.cond()
	c.nonce = d.u32()
	if d.bool() {
		size := int64(d.u64())
		c.size = &size
	}
	c.expect.Type = checksum.Type(d.u8())
	c.expect.Algorithm, c.expect.Sum = d.sum()
	c.parts = make([]listedPart, d.count(2+md5.Size+1))
	for i := range c.parts {
		p := &c.parts[i]
		p.number = int(d.u16())
		copy(p.md5[:], d.take(md5.Size))
		p.alg, p.sum = d.sum()
	}
	return c, d.finish(store.KindInvalid, completing)
}

// check refuses a list that no upload could match.
func (c *completeCmd) check() error {
	if len(c.parts) == 0 || len(c.parts) > MaxParts {
		return c.invalid(ReasonPartList)
	}
	last := 0
	for _, p := range c.parts {
		if p.number <= last {
			return c.invalid(ReasonPartOrder)
		}
		last = p.number
	}
	return nil
}

func (c *completeCmd) invalid(reason string) error {
	return fail(completing, c.key, store.KindInvalid, reason, "")
}

// etag returns the MD5 of the listed parts' MD5s.
func (c *completeCmd) etag() [md5.Size]byte {
	sums := make([]byte, 0, len(c.parts)*md5.Size)
	for i := range c.parts {
		sums = append(sums, c.parts[i].md5[:]...)
	}
	return md5.Sum(sums)
}

// made reports whether head is what this command has made before: its client
// lost the reply and repeats it.
func (c *completeCmd) made(head *objRec, at store.Time) bool {
	return head.body.kind == bodyParts && head.body.upload == c.upload &&
		at-head.Modified < completeWindow && head.Parts == len(c.parts) && head.MD5 == c.etag()
}

// applyComplete checks in this order: the list by itself, whether this very
// object was made before, the upload, the condition, the parts one by one, the
// whole. The first that fails is the error.
func (m *Machine) applyComplete(tx store.Txn, at store.Time, d *decoder) ([]byte, error) {
	c, err := decodeComplete(d)
	if err != nil {
		return nil, err
	}
	if err := c.check(); err != nil {
		return nil, err
	}
	head, err := loadHead(tx, c.key)
	if err != nil {
		return nil, err
	}
	if head != nil && c.made(head, at) {
		return encodeInfo(head.info()), nil
	}
	up, err := loadUpload(tx, completing, c.key, c.upload)
	if err != nil {
		return nil, err
	}
	if err := c.cond.check(completing, c.key, head); err != nil {
		return nil, err
	}
	a, err := c.assemble(tx, up, m.minPart)
	if err != nil {
		return nil, err
	}
	return c.commit(tx, at, up, head, a)
}

// commit writes the object, whose parts stay where they are, and frees what is
// not part of it.
func (c *completeCmd) commit(tx store.Txn, at store.Time, up *uploadRec, head *objRec, a *assembly) ([]byte, error) {
	version := makeVersion(at, c.nonce)
	rec := &objRec{Record: Record{
		Meta: up.Meta, Size: a.size, Modified: at, Version: version,
		MD5: c.etag(), Parts: len(c.parts), Checksum: a.checksum,
	}}
	info := rec.info()
	if head != nil {
		left, err := freeObject(tx, c.key, head)
		if err != nil {
			return nil, err
		}
		info.Replaced, info.Drain = true, left
	}
	if len(a.unlisted) > 0 {
		left, err := bury(tx, c.key, c.upload, &deadRec{only: a.unlisted}, inlineFree)
		if err != nil {
			return nil, err
		}
		info.Drain = info.Drain || left
	}
	rec.body = body{kind: bodyParts, upload: c.upload, pages: writeIndex(tx, c.key, version, a.parts)}
	tx.Put(colHead, c.key, nil, rec.encode())
	tx.Delete(colUpload, c.key, c.upload[:])
	return encodeInfo(info), nil
}
