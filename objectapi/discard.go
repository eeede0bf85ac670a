package objectapi

import (
	"io"
	"time"
)

const (
	// discardLimit and discardTime bound what is read of the body of a request
	// that was refused.
	discardLimit = 64 << 20
	discardTime  = 10 * time.Second
)

// bodyUnread reports whether the client may still be sending a body. One that
// waits for "100 Continue" is not, and must not be told to.
func (q *request) bodyUnread() bool {
	waits := q.r.Header.Get("Expect") != "" && q.received == 0
	return q.r.ContentLength != 0 && !waits
}

// discardBody reads on behind an error that was answered before the end of the
// body, unless nothing more is to be expected. Many clients read the answer only
// when they have sent everything; were the connection closed before, they would
// see a reset instead of the error.
//
// If that does not reach the end, the deadline stays in the past, so that the
// server does not wait for the body either when it closes the connection.
func (q *request) discardBody(expected bool) {
	_ = q.conn.Flush()
	if expected {
		_ = q.conn.SetReadDeadline(time.Now().Add(discardTime))
		if _, err := io.CopyN(io.Discard, q.r.Body, discardLimit); err == io.EOF {
			_ = q.conn.SetReadDeadline(time.Time{})
			return
		}
	}
	_ = q.conn.SetReadDeadline(time.Unix(1, 0))
}
