package objectapi

import (
	"io"
	"strconv"

	"cairn/objectapi/machine"
	"cairn/objectapi/s3err"
	"cairn/objectapi/sigv4"
)

// maxXML bounds a request body that is a document. A Complete of 10,000 parts
// with checksums has 2 MB.
const maxXML = 4 << 20

// body is the decoded body of a request.
type body struct {
	io.Reader
	size   int64         // decoded; unknownSize if its end alone tells
	chunks *sigv4.Chunks // nil if it is not in aws-chunked encoding
}

func (b *body) close() {
	if b.chunks != nil {
		b.chunks.Close()
	}
}

// trailer returns a header that followed the body, which has been read.
func (b *body) trailer(name string) string {
	if b.chunks != nil {
		for _, t := range b.chunks.Trailers() {
			if t.Name == name {
				return t.Value
			}
		}
	}
	return ""
}

// openBody returns the request's body, of at most limit bytes. Close it.
func (q *request) openBody(limit int64) (*body, error) {
	in := &counted{newWatchedBody(q.r.Body, q.conn, q.g.limits.Stall), &q.received}
	payload := q.payload()
	b := &body{Reader: in, size: q.r.ContentLength}
	if payload.Streaming() {
		size, err := strconv.ParseInt(q.header("x-amz-decoded-content-length"), 10, 64)
		if err != nil || size < 0 {
			return nil, s3err.New(s3err.MissingContentLength)
		}
		b.size = size
	}
	if b.size > limit {
		return nil, s3err.New(s3err.EntityTooLarge).
			With("ProposedSize", strconv.FormatInt(b.size, 10)).
			With("MaxSizeAllowed", strconv.FormatInt(limit, 10))
	}
	if payload.Streaming() {
		b.chunks = sigv4.NewChunks(in, payload, q.signer, b.size, q.header("x-amz-trailer"))
		b.Reader = b.chunks
	}
	return b, nil
}

// payload says how the request's body is protected.
func (q *request) payload() sigv4.Payload {
	if q.claim == nil {
		return sigv4.Unsigned
	}
	return q.claim.Payload
}

// counted adds what is read to n.
type counted struct {
	io.Reader
	n *int64
}

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	*c.n += int64(n)
	return n, err
}

// readDocument reads a small body whole and checks its digests. With must, one
// of Content-MD5 and x-amz-checksum-* has to be there.
func (q *request) readDocument(must bool) ([]byte, error) {
	want, err := q.expectedDigests()
	if err != nil {
		return nil, err
	}
	if must && !want.given() {
		return nil, invalidRequest("Missing required header for this request: Content-MD5 OR x-amz-checksum-*")
	}
	return q.readChecked(want)
}

// readUnsummedDocument is readDocument for a request whose x-amz-checksum-*
// header is not about its body.
func (q *request) readUnsummedDocument() ([]byte, error) {
	want := &digests{sha256: q.payload().Hash()}
	if err := want.readMD5(q.r.Header); err != nil {
		return nil, err
	}
	return q.readChecked(want)
}

func (q *request) readChecked(want *digests) ([]byte, error) {
	b, err := q.openBody(maxXML)
	if err != nil {
		if toS3(err).Code == s3err.EntityTooLarge {
			return nil, s3err.New(s3err.MaxMessageLengthExceeded)
		}
		return nil, err
	}
	defer b.close()
	if b.size == unknownSize {
		return nil, s3err.New(s3err.MissingContentLength)
	}
	doc := make([]byte, b.size)
	if _, err := fill(b, doc); err != nil {
		return nil, bodyError(shortBody(err))
	}
	if err := expectEOF(b); err != nil {
		return nil, err
	}
	hash := q.g.hasher.Start(b.size, want.algorithms()...)
	defer hash.Close()
	hash.Write(doc, nil)
	return doc, want.check(hash.Sum(), b)
}

// maxBody is the largest body of one PUT or part.
const maxBody = machine.MaxSingle
