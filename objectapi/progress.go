package objectapi

import (
	"errors"
	"io"
	"net/http"
	"os"
	"time"

	"cairn/objectapi/s3err"
)

// minRate is how fast a body must arrive, in bytes a second, over Limits.Stall.
const minRate = 1 << 10

// watchedBody reads a request's body and ends with RequestTimeout when it makes
// no progress. The deadline of the connection is moved once a second, and taken
// off at the end of the body: the server then watches the connection for its
// end, and a deadline would look like one.
type watchedBody struct {
	body  io.Reader
	conn  *http.ResponseController
	stall time.Duration

	armed  time.Time // when the deadline was last set
	window time.Time // when counting began
	bytes  int64     // since then
	err    error     // sticky
}

func newWatchedBody(body io.Reader, conn *http.ResponseController, stall time.Duration) *watchedBody {
	return &watchedBody{body: body, conn: conn, stall: stall}
}

func (b *watchedBody) Read(p []byte) (n int, err error) {
	if b.err != nil {
		return 0, b.err
	}
	now := time.Now()
	if now.Sub(b.armed) > time.Second {
		b.armed = now
		_ = b.conn.SetReadDeadline(now.Add(b.stall)) // unsupported only in tests without a connection
	}
	switch {
	case b.window.IsZero():
		b.window = now
	case now.Sub(b.window) > b.stall:
		if float64(b.bytes) < minRate*now.Sub(b.window).Seconds() {
			b.err = s3err.New(s3err.RequestTimeout)
			return 0, b.err
		}
		b.window, b.bytes = now, 0
	}
	n, err = b.body.Read(p)
	b.bytes += int64(n)
	if err != nil {
		b.err = bodyError(err)
		_ = b.conn.SetReadDeadline(time.Time{})
	}
	return n, b.err
}

// bodyError gives the failures of reading a body their S3 form.
func bodyError(err error) error {
	switch {
	case err == nil, err == io.EOF:
		return err
	case errors.Is(err, os.ErrDeadlineExceeded):
		return s3err.New(s3err.RequestTimeout)
	case errors.Is(err, io.ErrUnexpectedEOF):
		return s3err.New(s3err.IncompleteBody)
	}
	return err
}

// sendStep is how much is written to a connection under one deadline.
const sendStep = 256 << 10

// send writes b. Each step of it must get through within the stall time.
func (q *request) send(b []byte) error {
	for len(b) > 0 {
		step := b[:min(len(b), sendStep)]
		if now := time.Now(); now.Sub(q.sendArmed) > time.Second {
			q.sendArmed = now
			_ = q.conn.SetWriteDeadline(now.Add(q.g.limits.Stall))
		}
		if _, err := q.w.Write(step); err != nil {
			return err
		}
		b = b[len(step):]
	}
	return nil
}

// sendPiece writes parts one behind the other and returns their length. What came
// over the network is in parts of a few KiB, which are copied together: a system
// call for each costs more.
func (q *request) sendPiece(parts [][]byte) (n int64, err error) {
	for _, p := range parts {
		n += int64(len(p))
	}
	if len(parts) == 1 {
		return n, q.send(parts[0])
	}
	buf := q.g.store.Buffer(int(min(n, sendStep)))
	defer q.g.store.FreeBuffer(buf)
	fill := 0
	for _, p := range parts {
		large := len(p) > sendStep/2
		if large || len(p) > len(buf)-fill {
			if err := q.send(buf[:fill]); err != nil {
				return n, err
			}
			fill = 0
		}
		if !large {
			fill += copy(buf[fill:], p)
		} else if err := q.send(p); err != nil {
			return n, err
		}
	}
	return n, q.send(buf[:fill])
}
