package machine

import (
	"bytes"

	"cairn/objectapi/checksum"
	"cairn/store"
)

// assembly is what the parts of a list come to.
type assembly struct {
	size     int64
	parts    []indexPart
	unlisted bitset // parts of the upload that the list leaves out
	checksum Checksum
}

// assemble goes once over the part rows of the upload, beside the list, and
// checks the parts. It reads no refs.
func (c *completeCmd) assemble(tx store.Txn, up *uploadRec, minPart int64) (a *assembly, err error) {
	it, err := tx.Iter(colPart, c.key, keyAfter(c.key))
	if err != nil {
		return nil, err
	}
	defer func() { err = closeIter(it, err) }()
	a = &assembly{parts: make([]indexPart, 0, len(c.parts))}
	sums := newSummer(up)
	ok := it.SeekGE(c.key, c.upload[:])
	for ; ok && bytes.HasPrefix(it.Suffix(), c.upload[:]); ok = it.Next() {
		number := partNumber(it.Suffix())
		if len(a.parts) == len(c.parts) || number < c.parts[len(a.parts)].number {
			a.unlisted.set(number)
			continue
		}
		listed := &c.parts[len(a.parts)]
		if number > listed.number {
			break
		}
		if err := a.add(c, listed, it.Value(), minPart, sums); err != nil {
			return nil, err
		}
	}
	if len(a.parts) < len(c.parts) {
		return nil, c.invalid(ReasonPart)
	}
	a.checksum = sums.result()
	return a, c.checkWhole(a, up)
}

// add checks one listed part against its row and appends it.
func (a *assembly) add(c *completeCmd, listed *listedPart, row []byte, minPart int64, sums *summer) error {
	p, d := decodePartHead(row)
	if d.bad || d.format != formatV1 {
		_, err := decodePartRec(row)
		return err
	}
	if p.md5 != listed.md5 || listed.alg != checksum.None && (listed.alg != p.alg || !bytes.Equal(listed.sum, p.sum)) {
		return c.invalid(ReasonPart)
	}
	if p.size < minPart && len(a.parts) < len(c.parts)-1 {
		return c.invalid(ReasonPartSmall)
	}
	a.size += p.size
	if a.size > MaxObject {
		return fail(completing, c.key, store.KindTooLarge, ReasonObject, "an object has at most 5 TiB")
	}
	a.parts = append(a.parts, indexPart{listed.number, p.size})
	sums.add(p.sum, uint64(p.size))
	return nil
}

// checkWhole compares the whole with what the command expects of it.
func (c *completeCmd) checkWhole(a *assembly, up *uploadRec) error {
	if c.size != nil && *c.size != a.size {
		return c.invalid(ReasonObjectSize)
	}
	if c.expect.Type != checksum.NoType && c.expect.Type != up.typ {
		return c.invalid(ReasonChecksum)
	}
	if c.expect.Algorithm != checksum.None &&
		(c.expect.Algorithm != a.checksum.Algorithm || !bytes.Equal(c.expect.Sum, a.checksum.Sum)) {
		return c.invalid(ReasonChecksum)
	}
	return nil
}

// summer computes an object's checksum from those of its parts.
type summer struct {
	alg  checksum.Algorithm
	typ  checksum.Type
	sums [][]byte         // composite
	full *checksum.Joiner // full object
}

// newSummer starts with no parts. Without a declared algorithm the object has no
// checksum, whatever its parts have.
func newSummer(up *uploadRec) *summer {
	s := &summer{alg: up.alg, typ: up.typ}
	if s.typ == checksum.FullObject {
		s.full = checksum.NewJoiner(s.alg)
	}
	return s
}

func (s *summer) add(sum []byte, size uint64) {
	switch s.typ {
	case checksum.Composite:
		s.sums = append(s.sums, bytes.Clone(sum))
	case checksum.FullObject:
		s.full.Add(sum, size)
	}
}

func (s *summer) result() Checksum {
	switch s.typ {
	case checksum.Composite:
		return Checksum{s.alg, s.typ, checksum.CompositeOf(s.alg, s.sums...)}
	case checksum.FullObject:
		return Checksum{s.alg, s.typ, s.full.Sum()}
	}
	return Checksum{}
}
