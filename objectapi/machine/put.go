package machine

import (
	"crypto/md5"

	"cairn/objectapi/checksum"
	"cairn/store"
)

// putCmd makes an object of one body.
//
// Format 1: header | key | cond | u32 nonce | u16 class | u64 size | 16 B MD5 |
// content | u8 checksum algorithm, checksum | override | fields.
type putCmd struct {
	key   []byte
	cond  Cond
	nonce uint32
	Meta
	size     int64
	md5      [md5.Size]byte
	content  content
	alg      checksum.Algorithm
	sum      []byte
	override string
}

func (c *putCmd) encode() []byte {
	e := newEncoderFor(len(c.key) + len(c.content.inline))
	e.command(opPut, c.key)
	e.cond(&c.cond)
	e.u32(c.nonce)
	e.u16(uint16(c.Class))
	e.u64(uint64(c.size))
	e.raw(c.md5[:])
	e.content(&c.content)
	e.sum(c.alg, c.sum)
	e.str(c.override)
	e.meta(&c.Meta)
	return e.b
}

// newCommand starts a command or query about key.
func newCommand(op opcode, key []byte) *encoder {
	e := newEncoder()
	e.command(op, key)
	return e
}

func (e *encoder) command(op opcode, key []byte) {
	e.u8(uint8(op))
	e.bytes(key)
}

const putting = "put object"

// decodePut reads the command behind its number. What it returns aliases the
// command, which lives as long as the call of Apply.
func decodePut(d *decoder) (c putCmd, err error) {
	if c.key, err = d.key(putting); err != nil {
		return c, err
	}
	c.cond = d.cond()
	c.nonce = d.u32()
	c.Class = d.class()
	c.size = int64(d.u64())
	copy(c.md5[:], d.take(len(c.md5)))
	c.content = d.content()
	c.alg, c.sum = d.sum()
	c.override = d.str()
	d.fields(&c.Meta, func(tlv, []byte) bool { return false })
	d.bad = d.bad || len(c.override) > maxName
	return c, d.finish(store.KindInvalid, putting)
}

// check refuses what no bucket could take, whatever is in it.
func (c *putCmd) check() error {
	if err := c.content.check(putting, c.key, c.size); err != nil {
		return err
	}
	return c.Meta.check(putting, c.key)
}

// applyPut replaces the current object. Everything that can refuse the command
// comes before the first write, and the new blobs are referred to before the old
// ones are let go, so an age fence that refuses them leaves the old object whole.
func applyPut(tx store.Txn, at store.Time, d *decoder) ([]byte, error) {
	c, err := decodePut(d)
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
	if err := c.cond.check(putting, c.key, head); err != nil {
		return nil, err
	}
	rec := c.record(at)
	if rec.body, err = c.content.take(tx, headRefs); err != nil {
		return nil, err
	}
	info := rec.info()
	if head != nil {
		info.Replaced = true
		if info.Drain, err = freeObject(tx, c.key, head); err != nil {
			return nil, err
		}
	}
	if rec.body.kind == bodyManifest {
		tx.Put(colManifest, c.key, rowSuffix(rec.Version[:], 0), encodeManifest(c.content.refs))
	}
	tx.Put(colHead, c.key, nil, rec.encode())
	return encodeInfo(info), nil
}

// record returns the object's row, but for its body. The time and the order of
// the write are those of the group, never of the gateway.
func (c *putCmd) record(at store.Time) *objRec {
	r := &objRec{Record: Record{
		Meta: c.Meta, Size: c.size, Modified: at, Version: makeVersion(at, c.nonce), MD5: c.md5, Override: c.override,
	}}
	if c.alg != checksum.None {
		r.Checksum = Checksum{Algorithm: c.alg, Type: checksum.FullObject, Sum: c.sum}
	}
	return r
}

// encodeInfo writes the reply of a command that made an object.
//
// Format 1: u8 format | 12 B version | u64 modified | u64 size | etag | u8
// checksum type | u8 checksum algorithm, checksum | u8 replaced | u8 drain.
func encodeInfo(i *Info) []byte {
	e := newEncoder()
	e.raw(i.Version[:])
	e.u64(uint64(i.Modified))
	e.u64(uint64(i.Size))
	e.str(i.ETag)
	e.u8(uint8(i.Checksum.Type))
	e.sum(i.Checksum.Algorithm, i.Checksum.Sum)
	e.bool(i.Replaced)
	e.bool(i.Drain)
	return e.b
}

func decodeInfo(b []byte) (*Info, error) {
	d := newDecoder(b)
	i := &Info{}
	copy(i.Version[:], d.take(len(i.Version)))
	i.Modified = d.time()
	i.Size = d.size()
	i.ETag = d.str()
	i.Checksum.Type = checksum.Type(d.u8())
	i.Checksum.Algorithm, i.Checksum.Sum = d.sum()
	i.Replaced, i.Drain = d.bool(), d.bool()
	return i, d.finish(store.KindInternal, "reply")
}
