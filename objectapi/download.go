package objectapi

import (
	"context"
	"errors"
	"io"
	"sync"

	"cairn/objectapi/machine"
	"cairn/store"
)

const (
	// readAhead is how many pieces are fetched while one is sent.
	readAhead = 2
	// crowdedPiece is the largest piece while download memory is crowded, so
	// that many slow clients share it.
	crowdedPiece = 1 << 20
)

// download fetches the bytes of a source in order, some pieces ahead. It
// belongs to one goroutine; close it.
type download struct {
	src     *source
	ctx     context.Context
	cancel  context.CancelFunc
	current *fetched
	err     error // sticky

	ahead   chan *fetched // nil: fetch on the caller's goroutine
	running sync.WaitGroup
}

// fetched is a piece that is there, or will be when ready is closed.
type fetched struct {
	g      *Gateway
	parts  [][]byte
	bytes  *store.Bytes
	charge int
	err    error
	ready  chan struct{}
}

func (f *fetched) release() {
	if f.bytes != nil {
		f.bytes.Release()
	}
	if f.charge > 0 {
		f.g.downloads.give(f.charge)
	}
	f.bytes, f.parts, f.charge = nil, nil, 0
}

// fetch starts fetching what is left of s.
func (s *source) fetch(ctx context.Context) *download {
	d := &download{src: s}
	d.ctx, d.cancel = context.WithCancel(ctx)
	if s.single() && s.left[0].Len <= store.MaxBlob {
		return d
	}
	d.ahead = make(chan *fetched, readAhead-1)
	d.running.Add(1)
	go d.run()
	return d
}

// errCollected says that the object was replaced and its data collected while
// it was read.
var errCollected = errors.New("the object was replaced and its data collected")

// next returns the next bytes, which are valid until the next call; io.EOF
// behind the last. An error comes again at every further call.
func (d *download) next() ([][]byte, error) {
	d.drop()
	if d.err != nil {
		return nil, d.err
	}
	f, err := d.take()
	if f != nil {
		d.current, err = f, f.err
	}
	switch {
	case err == nil && f == nil:
		d.err = io.EOF
	case store.Is(err, store.KindNotFound), store.Is(err, store.KindConflict):
		d.err = errors.Join(errCollected, err)
	case err != nil:
		d.err = err
	default:
		return f.parts, nil
	}
	return nil, d.err
}

// take returns the next piece when it is there, nil behind the last.
func (d *download) take() (*fetched, error) {
	if d.ahead == nil {
		p, ok, err := d.src.next(d.ctx, d.pieceSize())
		if !ok || err != nil {
			return nil, err
		}
		f := d.begin(p)
		d.get(f, p)
		return f, nil
	}
	f, ok := <-d.ahead
	if !ok {
		return nil, d.ctx.Err()
	}
	<-f.ready
	return f, nil
}

// run fetches pieces in order until the last, an error, or close.
func (d *download) run() {
	defer d.running.Done()
	defer close(d.ahead)
	for {
		p, ok, err := d.src.next(d.ctx, d.pieceSize())
		if !ok && err == nil {
			return
		}
		var f *fetched
		if err != nil {
			f = &fetched{g: d.src.g, err: err, ready: make(chan struct{})}
		} else {
			f = d.begin(p)
		}
		last := f.err != nil
		if last {
			close(f.ready)
		} else {
			d.running.Add(1)
			go func() {
				defer d.running.Done()
				defer close(f.ready)
				d.get(f, p)
			}()
		}
		select {
		case d.ahead <- f:
		case <-d.ctx.Done():
			<-f.ready
			f.release()
			return
		}
		if last {
			return
		}
	}
}

// begin takes the memory for a piece.
func (d *download) begin(p machine.Piece) *fetched {
	f := &fetched{g: d.src.g, ready: make(chan struct{})}
	if p.Data != nil {
		return f
	}
	if f.err = f.g.downloads.take(d.ctx, p.Len); f.err == nil {
		f.charge = p.Len
	}
	return f
}

// get fetches a piece whose memory was taken.
func (d *download) get(f *fetched, p machine.Piece) {
	switch {
	case f.err != nil:
	case p.Data != nil:
		f.parts = [][]byte{p.Data}
	default:
		f.err = f.g.patiently(d.ctx, func() (err error) {
			f.bytes, err = f.g.store.Get(d.ctx, p.Ref, p.Off, p.Len)
			return err
		})
		if f.err == nil {
			f.parts = f.bytes.Parts()
		}
	}
}

func (d *download) pieceSize() int {
	if d.src.g.downloads.crowded() {
		return crowdedPiece
	}
	return store.MaxBlob
}

func (d *download) drop() {
	if d.current != nil {
		d.current.release()
		d.current = nil
	}
}

// close ends fetching and gives all memory back.
func (d *download) close() {
	d.cancel()
	d.drop()
	if d.ahead != nil {
		for f := range d.ahead {
			<-f.ready
			f.release()
		}
	}
	d.running.Wait()
}

// reader returns the rest of the download as a stream.
func (d *download) reader() io.Reader { return &downloadReader{d: d} }

type downloadReader struct {
	d    *download
	now  []byte
	rest [][]byte
}

func (r *downloadReader) Read(p []byte) (int, error) {
	for len(r.now) == 0 {
		if len(r.rest) > 0 {
			r.now, r.rest = r.rest[0], r.rest[1:]
			continue
		}
		var err error
		if r.rest, err = r.d.next(); err != nil {
			return 0, err
		}
	}
	n := copy(p, r.now)
	r.now = r.now[n:]
	return n, nil
}
