package objectapi

import (
	"context"

	"cairn/objectapi/machine"
	"cairn/store"
)

// source walks the pieces of an object's bytes, asking the machine for further
// ones as it goes. It belongs to one goroutine.
type source struct {
	g    *Gateway
	ns   store.NS
	key  string
	obj  *machine.Object
	left []machine.Piece
	at   int // bytes of left[0] that were given out
}

// openSource returns the object of key with the bytes in w.
func (g *Gateway) openSource(ctx context.Context, ns store.NS, key string, w machine.Window) (*source, error) {
	obj, err := g.objects.Get(ctx, ns, key, w)
	if err != nil {
		return nil, err
	}
	return &source{g: g, ns: ns, key: key, obj: obj, left: obj.Pieces}, nil
}

// next returns the next piece of at most most bytes; ok is false behind the
// last. A replacement of the object in the meantime is [store.KindConflict].
func (s *source) next(ctx context.Context, most int) (p machine.Piece, ok bool, err error) {
	if len(s.left) == 0 {
		if ok, err := s.more(ctx); !ok || err != nil {
			return p, false, err
		}
	}
	p = s.left[0]
	p.Off += s.at
	p.Len = min(p.Len-s.at, most)
	if p.Data != nil {
		p.Data = p.Data[s.at : s.at+p.Len]
	}
	if s.at += p.Len; s.at == s.left[0].Len {
		s.left, s.at = s.left[1:], 0
	}
	return p, true, nil
}

// more asks for the pieces behind those that were given.
func (s *source) more(ctx context.Context) (ok bool, err error) {
	end := s.obj.Off + s.obj.Len
	if s.obj.Next >= end {
		return false, nil
	}
	o, err := s.g.objects.Get(ctx, s.ns, s.key, machine.Window{
		Off: s.obj.Next, Len: end - s.obj.Next, Version: s.obj.Version,
	})
	if err != nil {
		return false, err
	}
	s.obj.Next, s.left = o.Next, o.Pieces
	return len(s.left) > 0, nil
}

// single reports whether all bytes are in one piece that is left.
func (s *source) single() bool {
	return len(s.left) == 1 && s.obj.Next >= s.obj.Off+s.obj.Len
}
