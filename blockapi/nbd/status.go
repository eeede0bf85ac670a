package nbd

import (
	"encoding/binary"
	"math"

	"cairn/store"
)

const (
	// maxExtents is how many descriptors a reply has for each context. The
	// client asks again for what is missing. The protocol suggests at most
	// 2^20; this many are enough for 256 MiB whose every 16 KiB differ.
	maxExtents = 16 << 10

	lenExtent    = 8
	lenExtentExt = 16

	// maxShortExtent is the longest extent of a structured reply that keeps
	// what follows it aligned.
	maxShortExtent = math.MaxUint32 &^ (64<<10 - 1)
)

// blockStatus answers BLOCK_STATUS: one chunk for each context.
func (s *session) blockStatus(r *request, off, n int64) error {
	for i, id := range r.contexts {
		begin := len(r.head)
		r.head = append(r.head, make([]byte, s.chunkLen())...)
		r.head = binary.BigEndian.AppendUint32(r.head, id)
		if s.style == styleExtended {
			r.head = binary.BigEndian.AppendUint32(r.head, 0)
		}
		count, err := s.appendExtents(r, s.contexts[id-1], off, n)
		if err != nil {
			return err
		}
		chunk := r.head[begin:]
		flags, typ := uint16(0), chunkBlockStatus
		if i == len(r.contexts)-1 {
			flags = chunkDone
		}
		if s.style == styleExtended {
			typ = chunkBlockStatusExt
			binary.BigEndian.PutUint32(chunk[s.chunkLen()+4:], count)
		}
		s.putChunk(chunk, r, flags, typ, len(chunk)-s.chunkLen())
	}
	r.out = append(r.out, r.head)
	return nil
}

// appendExtents appends the descriptors of one context. Neighbours that are
// alike become one.
func (s *session) appendExtents(r *request, about MetaContext, off, n int64) (count uint32, err error) {
	limit, end := int64(math.MaxInt64), s.export.Size()
	one := r.has(cmdFlagReqOne)
	if s.style != styleExtended {
		limit = maxShortExtent
	}
	if one {
		end = off + n
	}
	var last Extent
	for e, err := range s.export.Extents(s.ctx, about, off, n) {
		if err != nil {
			return 0, err
		}
		if e.Length <= 0 {
			return 0, store.Errorf(store.KindInternal, "block status", "extent of %d bytes", e.Length)
		}
		if last.Length > 0 && last.Flags != e.Flags {
			s.appendExtent(r, last)
			off, last = off+last.Length, Extent{}
			if count++; one || count == maxExtents || off >= int64(r.offset)+n {
				return count, nil
			}
		}
		last.Flags = e.Flags
		room := min(end-off, limit) - last.Length
		last.Length += min(e.Length, room)
		if e.Length >= room {
			break // what follows is beyond the end, or beyond what the length can say
		}
	}
	if last.Length <= 0 {
		return 0, store.Errorf(store.KindInternal, "block status", "no extent at %d", off)
	}
	s.appendExtent(r, last)
	return count + 1, nil
}

func (s *session) appendExtent(r *request, e Extent) {
	if s.style == styleExtended {
		r.head = binary.BigEndian.AppendUint64(r.head, uint64(e.Length))
		r.head = binary.BigEndian.AppendUint64(r.head, uint64(e.Flags))
		return
	}
	r.head = binary.BigEndian.AppendUint32(r.head, uint32(e.Length))
	r.head = binary.BigEndian.AppendUint32(r.head, e.Flags)
}
