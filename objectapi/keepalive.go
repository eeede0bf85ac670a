package objectapi

import (
	"bytes"
	"net/http"
	"time"

	"cairn/objectapi/s3xml"
)

// xmlDeclaration is what a document begins with; nothing may stand before it.
const xmlDeclaration = `<?xml version="1.0" encoding="UTF-8"?>` + "\n"

// slowly runs f and answers its document. An answer that had to begin before f
// was done has status 200, and if f fails then, an error as its document, which
// the clients of CompleteMultipartUpload and the copies look for.
func (q *request) slowly(f func() (*s3xml.Writer, error)) error {
	type result struct {
		doc *s3xml.Writer
		err error
	}
	done := make(chan result, 1)
	go func() {
		doc, err := f()
		done <- result{doc, err}
	}()
	timer := time.NewTimer(q.g.keepAliveAfter)
	defer timer.Stop()
	for {
		select {
		case r := <-done:
			if !q.w.started() {
				if r.err != nil {
					return r.err
				}
				return q.replyXML(r.doc)
			}
			return q.endSlow(r.doc, r.err)
		case <-timer.C:
			q.keepAlive()
			timer.Reset(q.g.keepAliveAfter / 2)
		}
	}
}

// keepAlive sends a byte of white space, before the first one the beginning of
// the answer. If the client is gone, f will see it.
func (q *request) keepAlive() {
	if !q.w.started() {
		q.set("Content-Type", "application/xml")
		q.w.WriteHeader(http.StatusOK)
		_ = q.send([]byte(xmlDeclaration))
	}
	_ = q.send([]byte{' '})
	_ = q.conn.Flush()
}

// endSlow ends an answer that had to begin early.
func (q *request) endSlow(doc *s3xml.Writer, err error) error {
	if err != nil {
		e := toS3(err)
		if e.Code == clientGone {
			return e
		}
		q.late = e
		doc = q.errorDoc(e)
	}
	return q.send(bytes.TrimPrefix(doc.Bytes(), []byte(xmlDeclaration)))
}

// result returns the error for the log.
func (q *request) result(err error) error {
	if err == nil && q.late != nil {
		return q.late
	}
	return err
}
