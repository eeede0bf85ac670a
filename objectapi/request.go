package objectapi

import (
	"context"
	"encoding/base64"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"time"

	"cairn/iam"
	"cairn/objectapi/s3err"
	"cairn/objectapi/sigv4"
	"cairn/store"
)

// request is one request on its way through the gateway. Its fields are filled
// in from top to bottom; it belongs to the goroutine that serves it.
type request struct {
	g     *Gateway
	r     *http.Request
	w     *response
	conn  *http.ResponseController
	id    string
	began time.Time

	target
	op *operation

	claim  *sigv4.Claim // nil: anonymous
	signer *sigv4.Signer
	who    *iam.Identity // nil: anonymous

	ns    store.NS   // of the bucket
	entry store.Name // the bucket

	sendArmed time.Time // when the write deadline was last set
	late      error     // what failed behind an answer of 200; see slowly
	received  int64     // bytes of the body that were read
}

func (g *Gateway) newRequest(w http.ResponseWriter, r *http.Request) *request {
	q := &request{g: g, r: r, w: &response{ResponseWriter: w}, conn: http.NewResponseController(w), began: time.Now()}
	q.id = newID()
	h := w.Header()
	ids := [...]string{q.id, q.hostID()}
	h["x-amz-request-id"] = ids[:1:1]
	h["x-amz-id-2"] = ids[1:]
	h["Server"] = serverName
	return q
}

// serverName is a header of every answer. It must not be changed.
var serverName = []string{"Cairn"}

// newID returns 16 random hex digits.
func newID() string {
	const digits = "0123456789ABCDEF"
	var b [16]byte
	r := rand.Uint64()
	for i := range b {
		b[i] = digits[r&15]
		r >>= 4
	}
	return string(b[:])
}

// hostID is the second id that S3 gives each answer. It says no more than the
// first.
func (q *request) hostID() string { return base64.StdEncoding.EncodeToString([]byte(q.id)) }

func (q *request) ctx() context.Context { return q.r.Context() }

// header returns a header of the request without spaces around it.
func (q *request) header(name string) string { return strings.TrimSpace(q.r.Header.Get(name)) }

// owner returns the canonical id of the caller.
func (q *request) owner() string { return q.who.CanonicalID }

// sigRequest is the request as its signature covers it.
func (q *request) sigRequest() *sigv4.Request {
	return &sigv4.Request{
		Method: q.r.Method, Path: q.path, Query: q.query, Host: q.r.Host, Header: q.r.Header,
		ContentLength: q.r.ContentLength, Transfer: q.r.TransferEncoding,
	}
}

// checkVersion refuses a versionId other than "null": buckets have no versions,
// and an object that was never versioned has that id.
func (q *request) checkVersion() error {
	switch id, ok := q.query.Lookup("versionId"); {
	case !ok, id == "null":
		return nil
	case id == "":
		return invalidArgument("versionId", "", "Version id cannot be the empty string")
	default:
		return s3err.New(s3err.NoSuchVersion).With("VersionId", id)
	}
}

func invalidArgument(name, value, message string) error {
	return s3err.Msg(s3err.InvalidArgument, message).With("ArgumentName", name).With("ArgumentValue", value)
}

func invalidRequest(format string, args ...any) error {
	return s3err.Msg(s3err.InvalidRequest, fmt.Sprintf(format, args...))
}

func notImplemented(what string) error {
	return s3err.Msg(s3err.NotImplemented, what+" is not offered by this version of Cairn.")
}
