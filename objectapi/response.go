package objectapi

import (
	"net/http"
	"strconv"

	"cairn/objectapi/s3xml"
)

// response counts what is sent.
type response struct {
	http.ResponseWriter
	status int
	sent   int64
}

// WriteHeader implements http.ResponseWriter.
func (w *response) WriteHeader(status int) {
	if w.status == 0 {
		w.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

// Write implements http.ResponseWriter.
func (w *response) Write(b []byte) (int, error) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	n, err := w.ResponseWriter.Write(b)
	w.sent += int64(n)
	return n, err
}

// started reports whether the status line was sent.
func (w *response) started() bool { return w.status != 0 }

// set sets a header of the answer under exactly this name; an empty value sets
// none.
func (q *request) set(name, value string) {
	if value != "" {
		q.w.Header()[name] = []string{value}
	}
}

// reply answers without a body.
func (q *request) reply(status int) error {
	if status != http.StatusNoContent {
		q.set("Content-Length", "0")
	}
	q.w.WriteHeader(status)
	return nil
}

// replyXML answers 200 with a document, which is not needed afterwards.
func (q *request) replyXML(doc *s3xml.Writer) error {
	defer doc.Release()
	return q.replyDoc(http.StatusOK, doc)
}

func (q *request) replyDoc(status int, doc *s3xml.Writer) error {
	b := doc.Bytes()
	q.set("Content-Type", "application/xml")
	q.set("Content-Length", strconv.Itoa(len(b)))
	q.w.WriteHeader(status)
	if q.r.Method == http.MethodHead {
		return nil
	}
	return q.send(b)
}
