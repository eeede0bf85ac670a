package machine

import (
	"bytes"

	"cairn/store"
)

// Move says that pages of a chunk were copied from one blob to another.
type Move struct {
	Chunk       uint32
	Page, Pages int
	From        store.BlobID
	FromOff     int // in pages
	ToOff       int
}

// Compact makes rows name copies of pages instead of the pages: to free a blob
// of which little is named any more, or to give a chunk fewer runs. In every
// version of the moves' chunks, in all volumes of the family, each page that is
// exactly the one copied is changed; others are left alone, so it does no harm
// if a flush came in between. A step does a bounded amount and tells where the
// next one, which is otherwise the same, goes on.
type Compact struct {
	To    store.Placed // the blob that holds the copies
	Moves []Move       // ascending by chunk, then page
	At    Place        // where to go on
}

// Place is a place among the versions of chunks.
type Place struct {
	Chunk  uint32
	Branch Branch
	Seq    Seq
}

// Compacted is what a step of Compact did.
type Compacted struct {
	Progress
	Next Place // if there is more to do
}

func (x *Compact) wire(c *coder) {
	refs := []store.Ref{x.To.Ref}
	c.refs(&refs, 1)
	c.require(len(refs) == 1)
	if c.reading && !c.bad {
		x.To.Ref = refs[0]
	}
	list(c, &x.Moves, MaxMoves, func(m *Move) {
		page, less, from, to := uint8(m.Page), uint8(m.Pages-1), uint16(m.FromOff), uint16(m.ToOff)
		c.u32(&m.Chunk)
		c.u8(&page)
		c.u8(&less)
		c.blob(&m.From)
		num16(c, &from)
		num16(c, &to)
		m.Page, m.Pages, m.FromOff, m.ToOff = int(page), int(less)+1, int(from), int(to)
	})
	x.At.wire(c)
}

func (p *Place) wire(c *coder) {
	c.u32(&p.Chunk)
	num32(c, &p.Branch)
	num32(c, &p.Seq)
}

func (x *Compacted) wire(c *coder) {
	x.Progress.wire(c)
	x.Next.wire(c)
}

func (x *Compact) apply(c *change) (wirer, error) {
	if err := x.declare(c); err != nil {
		return nil, err
	}
	vs, err := c.versions()
	if err != nil {
		return nil, err
	}
	k := &compactor{change: c, versions: vs, to: x.To.Ref, branches: make(map[Branch]*branchRec), reply: &Compacted{}}
	err = vs.close(k.run(x))
	if err != nil {
		return nil, err
	}
	for _, b := range k.order {
		c.putBranch(b, k.branches[b])
	}
	k.reply.Blobs = c.tally.dead()
	return k.reply, nil
}

// declare checks the moves and announces the blob. In later steps it has a live
// row and is not new any more.
func (x *Compact) declare(c *change) error {
	if err := c.tally.declare(x.To.Ref); err != nil {
		return err
	}
	b := c.tally.declared[x.To.Blob]
	for i, m := range x.Moves {
		to := Run{Page: m.Page, Pages: m.Pages, Blob: x.To.Ref, Off: m.ToOff}
		bad := !to.fits() || m.From == x.To.Blob
		if i > 0 {
			p := x.Moves[i-1]
			bad = bad || m.Chunk < p.Chunk || m.Chunk == p.Chunk && m.Page < p.Page+p.Pages
		}
		if bad {
			return refuse(store.KindInvalid, ReasonRuns, "", "move %d", i)
		}
		b.homes.homes = append(b.homes.homes, home{m.Chunk, uint8(m.Page), uint8(m.Pages - 1), uint16(m.ToOff)})
	}
	if err := c.checkHomes([]store.Placed{x.To}); err != nil {
		return err
	}
	return c.checkKnown(b)
}

// checkKnown refuses a blob that rows name already unless it is the one of an
// earlier step with the same moves.
func (c *change) checkKnown(b *newBlob) error {
	id := b.ref.Blob
	l, err := load[liveRec](c.view, colLive, id[:], "live row")
	if err != nil || l == nil {
		return err
	}
	homes, _, err := c.get(colHome, id[:])
	if err == nil && (l.len != b.ref.Len || l.crc != b.ref.CRC || !bytes.Equal(homes, encode(&b.homes))) {
		err = refuse(store.KindInvalid, ReasonBlob, "it was given with other moves", "blob %s", id)
	}
	return err
}
