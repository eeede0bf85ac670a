package objectapi

import (
	"errors"
	"net/http"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/propagation"

	"cairn/objectapi/s3err"
)

// errCut says that the answer has begun and cannot be finished: the connection
// is cut, so that the client does not take a part for the whole.
var errCut = errors.New("the connection was cut in the middle of the answer")

// ServeHTTP implements http.Handler.
func (g *Gateway) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	g.running.Add(1)
	defer g.running.Done()
	q := g.newRequest(w, r)
	_ = q.conn.SetWriteDeadline(time.Time{}) // the previous request left one
	g.observer.begin()
	err := q.serve()
	_ = q.conn.SetWriteDeadline(time.Now().Add(g.limits.Stall)) // for what is still buffered
	g.observer.end(q, err)
	if errors.Is(err, errCut) {
		panic(http.ErrAbortHandler)
	}
}

// serve runs the request and answers its error, if any. It returns the error
// for the log.
func (q *request) serve() error {
	if err := q.g.admit(); err != nil {
		return q.fail(err)
	}
	defer q.g.leave()
	if err := q.route(); err != nil {
		return q.fail(err)
	}
	ctx := otel.GetTextMapPropagator().Extract(q.ctx(), propagation.HeaderCarrier(q.r.Header))
	ctx, span := q.g.tracer.Start(ctx, "s3."+q.op.name)
	q.r = q.r.WithContext(ctx)
	err := q.result(q.run())
	q.trace(span, err)
	return err
}

func (q *request) run() error {
	if err := q.authenticate(); err != nil {
		return q.fail(err)
	}
	if err := q.authorize(); err != nil {
		return q.fail(err)
	}
	if err := refuseUnoffered(q.r.Method, q.r.Header); err != nil {
		return q.fail(err)
	}
	if err := q.op.run(q); err != nil {
		return q.fail(err)
	}
	return nil
}

// route finds out what the request addresses and what it wants done.
func (q *request) route() (err error) {
	if q.target, err = parseTarget(q.r.Host, q.r.RequestURI, q.g.domains); err != nil {
		return err
	}
	if q.op, err = q.findOperation(); err != nil {
		return err
	}
	return checkHeaderSize(q.r.Header)
}

// fail answers err, or, if the answer has begun, cuts the connection.
func (q *request) fail(err error) error {
	e := toS3(err)
	switch {
	case q.w.started():
		return errors.Join(errCut, e)
	case e.Code == clientGone:
		return errors.Join(errCut, e)
	}
	unread := q.bodyUnread()
	if unread {
		_ = q.conn.EnableFullDuplex()
	}
	q.writeError(e)
	if unread {
		q.discardBody(e.Code != s3err.RequestTimeout)
	}
	return e
}

// writeError answers e.
func (q *request) writeError(e *s3err.Error) {
	for k, v := range e.Header {
		q.set(k, v)
	}
	status := e.Status()
	if status == http.StatusNotModified {
		q.w.WriteHeader(status)
		return
	}
	_ = q.replyDoc(status, q.errorDoc(e)) // the client sees a short answer if this fails
}
