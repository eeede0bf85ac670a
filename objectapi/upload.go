package objectapi

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"io"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"cairn/objectapi/checksum"
	"cairn/objectapi/machine"
	"cairn/objectapi/s3err"
	"cairn/store"
)

const (
	// placing is how many blobs of one body are placed at a time.
	placing = 4
	// hashStep is how much is read before it is handed to the hashes.
	hashStep = 256 << 10

	unknownSize = -1
)

// stored is a body that is durable, and what was learned while it passed.
type stored struct {
	machine.Body
	size int64
	sums *checksum.Sums
}

// etag returns the body's entity tag without quotes.
func (s *stored) etag() string { return hex.EncodeToString(s.sums.MD5[:]) }

// writer places one body.
type writer struct {
	g     *Gateway
	owner store.Owner
	class store.Class
	hash  *checksum.Stream

	group  *errgroup.Group
	ctx    context.Context // of the group
	placed []*store.Placed // one a blob, filled in when it is placed
}

// storeBody reads body to its end, which must come after exactly size bytes
// (or after at most maxBody, if size is unknownSize), and makes it durable. It
// computes MD5 and algs on the way. Without an error the result is complete;
// otherwise blobs that were placed are orphans, which the engine collects.
func (g *Gateway) storeBody(ctx context.Context, body io.Reader, size int64, owner store.Owner, class store.Class, algs []checksum.Algorithm) (*stored, error) {
	estimate := size
	if size == unknownSize {
		estimate = store.MaxBlob
	}
	w := &writer{g: g, owner: owner, class: class, hash: g.hasher.Start(estimate, algs...)}
	defer w.hash.Close()
	if size != unknownSize && size <= machine.MaxInline {
		return w.inline(body, int(size))
	}
	w.group, w.ctx = errgroup.WithContext(ctx)
	w.group.SetLimit(placing)
	total, err := w.read(body, size)
	// A failure to place ends the reading too; it is the cause to report. A body
	// that failed to be read has its own: its connection's end cancels ctx.
	if perr := w.group.Wait(); err == nil || errors.Is(err, context.Canceled) {
		err = perr
	}
	if err != nil {
		return nil, err
	}
	return &stored{Body: machine.Body{Placed: w.receipts()}, size: total, sums: w.hash.Sum()}, nil
}

// measured reads the start of a body of unknown size: one that ends there has a
// size, and fits its row. The body it returns is the whole of it.
func measured(body io.Reader) (whole io.Reader, size int64, err error) {
	start := make([]byte, machine.MaxInline+1)
	n, err := fill(body, start)
	whole = io.MultiReader(bytes.NewReader(start[:n]), body)
	switch {
	case err == io.EOF:
		return whole, int64(n), nil
	case err != nil:
		return nil, 0, bodyError(err)
	}
	return whole, unknownSize, nil
}

// inline reads a body that its row will hold.
func (w *writer) inline(body io.Reader, size int) (*stored, error) {
	b := make([]byte, size)
	if _, err := fill(body, b); err != nil {
		return nil, bodyError(shortBody(err))
	}
	if err := expectEOF(body); err != nil {
		return nil, err
	}
	w.hash.Write(b, nil)
	return &stored{Body: machine.Body{Inline: b}, size: int64(size), sums: w.hash.Sum()}, nil
}

// read cuts body into blobs and starts placing them.
func (w *writer) read(body io.Reader, size int64) (total int64, err error) {
	p := &pace{Reader: body}
	head := heads.Get().(*[headSize]byte)
	defer heads.Put(head)
	n, _ := fill(p, head[:]) // an error comes again behind these bytes
	body = io.MultiReader(bytes.NewReader(head[:n]), p)
	end := size
	if size == unknownSize {
		end = maxBody + 1
	}
	for total < end {
		n, err := w.readBlob(body, p.blobSize(end-total, len(w.placed)))
		total += int64(n)
		switch {
		case err == io.EOF && size == unknownSize:
			return total, nil
		case err != nil:
			return total, bodyError(shortBody(err))
		case total > maxBody:
			return total, s3err.New(s3err.EntityTooLarge)
		}
	}
	return total, expectEOF(body)
}

// readBlob fills one buffer and starts placing it. io.EOF means that the body
// ended before the buffer was full; what there was is being placed.
func (w *writer) readBlob(body io.Reader, want int) (n int, err error) {
	if err := w.g.uploads.take(w.ctx, want); err != nil {
		return 0, err
	}
	b := &buffer{g: w.g, b: w.g.store.Buffer(want)}
	b.users.Store(1)
	defer b.done()
	for n < want && err == nil {
		var step int
		step, err = fill(body, b.b[n:min(n+hashStep, want)])
		if step > 0 {
			b.users.Add(1)
			w.hash.Write(b.b[n:n+step], b.done)
			n += step
		}
		if err == nil {
			err = w.ctx.Err()
		}
	}
	if n > 0 && (err == nil || err == io.EOF) {
		w.place(b, n)
	}
	return n, err
}

// place puts the first n bytes of b as the body's next blob. While it is written
// the hashes may wait for company; then they give the buffer back soon.
func (w *writer) place(b *buffer, n int) {
	receipt := new(store.Placed)
	w.placed = append(w.placed, receipt)
	b.users.Add(1)
	w.group.Go(func() error {
		defer b.done()
		return w.g.patiently(w.ctx, func() (err error) {
			*receipt, err = w.g.store.Put(w.ctx, w.owner, w.class, b.b[:n])
			w.hash.Flush()
			return err
		})
	})
}

// receipts returns what the blobs' puts gave, in the order of the body.
func (w *writer) receipts() []store.Placed {
	out := make([]store.Placed, len(w.placed))
	for i, p := range w.placed {
		out[i] = *p
	}
	return out
}

// buffer is a blob's buffer with the number of those who still read it.
type buffer struct {
	g     *Gateway
	b     []byte
	users atomic.Int32
}

// done ends one user's reading; the last gives the buffer back.
func (b *buffer) done() {
	if b.users.Add(-1) == 0 {
		n := len(b.b)
		b.g.store.FreeBuffer(b.b)
		b.g.uploads.give(n)
	}
}

// fill reads until p is full. Unlike io.ReadFull it gives the reader's own error:
// the end of a body must not be taken for its being cut short, nor the reverse.
func fill(r io.Reader, p []byte) (n int, err error) {
	for n < len(p) && err == nil {
		var m int
		m, err = r.Read(p[n:])
		n += m
	}
	if n == len(p) {
		err = nil
	}
	return n, err
}

// shortBody turns a body's early end into the error of a body's early end.
func shortBody(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}

// expectEOF reads the end of the body, which carries the last checks of a
// chunked one.
func expectEOF(body io.Reader) error {
	var b [1]byte
	for range 100 {
		switch n, err := body.Read(b[:]); {
		case n > 0:
			return s3err.Msg(s3err.IncompleteBody, "The body is longer than its stated length.")
		case err == io.EOF:
			return nil
		case err != nil:
			return bodyError(err)
		}
	}
	return io.ErrNoProgress
}
