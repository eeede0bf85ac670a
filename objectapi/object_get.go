package objectapi

import (
	"errors"
	"io"
	"net/http"
	"strconv"

	"cairn/objectapi/checksum"
	"cairn/objectapi/machine"
	"cairn/store"
)

// rereads is how often a record is read again because the blobs it named were
// collected before anything was sent.
const rereads = 3

// selection is which bytes of an object a GET or HEAD asks for.
type selection struct {
	rng  byteRange
	part int // 0: not asked by part
}

func (q *request) selection() (s selection, err error) {
	s.rng = parseRange(q.header("Range"))
	if q.query.Has("partNumber") {
		if s.rng.given {
			return s, invalidRequest("Cannot specify both Range header and partNumber query parameter")
		}
		s.part, err = q.intParam("partNumber", 1, machine.MaxParts)
	}
	return s, err
}

func (s selection) window() machine.Window {
	if s.part > 0 {
		return machine.Window{Part: s.part}
	}
	return s.rng.window()
}

// getObject answers GetObject.
func (q *request) getObject() error {
	if err := q.checkVersion(); err != nil {
		return err
	}
	sel, err := q.selection()
	if err != nil {
		return err
	}
	for try := 0; ; try++ {
		err := q.sendObject(sel)
		if q.w.started() || !errors.Is(err, errCollected) || try == rereads {
			return err
		}
	}
}

func (q *request) sendObject(sel selection) error {
	defer q.g.store.Reading()()
	src, err := q.g.openSource(q.ctx(), q.ns, q.key, sel.window())
	if err == nil && sel.rng.given && !q.rangeHolds(&src.obj.Record) {
		sel = selection{}
		src, err = q.g.openSource(q.ctx(), q.ns, q.key, sel.window())
	}
	if err != nil {
		return err
	}
	n, status, err := q.describe(src.obj, sel)
	if err != nil {
		return err
	}
	d := src.fetch(q.ctx())
	defer d.close()
	parts, err := d.next()
	if err != nil && err != io.EOF {
		return err
	}
	q.w.WriteHeader(status)
	return q.sendParts(d, parts, n)
}

// sendParts sends the n bytes of a download of which parts are the first.
func (q *request) sendParts(d *download, parts [][]byte, n int64) error {
	for {
		sent, err := q.sendPiece(parts)
		if n -= sent; err != nil {
			return err
		}
		switch parts, err = d.next(); {
		case err == io.EOF && n == 0:
			return nil
		case err == io.EOF:
			return store.Errorf(store.KindCorrupt, "get object", "%d bytes are missing", n)
		case err != nil:
			return err
		}
	}
}

// headObject answers HeadObject.
func (q *request) headObject() error {
	if err := q.checkVersion(); err != nil {
		return err
	}
	sel, err := q.selection()
	if err != nil {
		return err
	}
	w := machine.Window{Part: sel.part}
	obj, err := q.g.objects.Get(q.ctx(), q.ns, q.key, w)
	if err != nil {
		return err
	}
	if !q.rangeHolds(&obj.Record) {
		sel.rng = byteRange{}
	}
	_, status, err := q.describe(obj, sel)
	if err != nil {
		return err
	}
	q.w.WriteHeader(status)
	return nil
}

// describe checks the request's conditions on an object and sets the headers of
// the answer. It returns the length of its body and its status.
func (q *request) describe(obj *machine.Object, sel selection) (n int64, status int, err error) {
	rec := &obj.Record
	cond := q.readCondition()
	if err := cond.check(rec); err != nil {
		return 0, 0, err
	}
	off, n, status := int64(0), rec.Size, http.StatusOK
	if sel.part > 0 {
		off, n = obj.Off, obj.Len
		if rec.Parts > 0 {
			q.set("x-amz-mp-parts-count", strconv.Itoa(rec.Parts))
		}
	} else if off, n, err = sel.rng.clip(rec.Size); err != nil {
		return 0, 0, err
	}
	if (sel.rng.given || sel.part > 0) && n > 0 {
		status = http.StatusPartialContent
		q.set("Content-Range", contentRange(off, n, rec.Size))
	}
	q.setMetadata(&rec.Meta)
	q.override()
	q.set("Content-Length", strconv.FormatInt(n, 10))
	q.set("ETag", quoted(rec.ETag()))
	q.set("Last-Modified", httpTime(rec.Modified.Std()))
	q.set("Accept-Ranges", "bytes")
	if len(rec.Tags) > 0 {
		q.set("x-amz-tagging-count", strconv.Itoa(len(rec.Tags)))
	}
	return n, status, q.setReadChecksum(rec, sel.part, n == rec.Size)
}

// setReadChecksum sets the checksum of what is read, if the client wants it: of
// the whole object, or of the part it asks for.
func (q *request) setReadChecksum(rec *machine.Record, part int, whole bool) error {
	switch {
	case q.header("X-Amz-Checksum-Mode") != "ENABLED":
		return nil
	case part == 0 || rec.Parts == 0:
		if whole {
			q.setChecksum(rec.Checksum, rec.Parts)
		}
		return nil
	}
	now, parts, _, err := q.g.objects.ObjectParts(q.ctx(), q.ns, q.key, part-1, 1)
	if err != nil || now.Version != rec.Version || len(parts) == 0 || parts[0].Algorithm == checksum.None {
		return err // replaced meanwhile: no checksum is better than another's
	}
	q.set(parts[0].Algorithm.Header(), checksum.Encode(parts[0].Sum))
	q.set("x-amz-checksum-type", rec.Checksum.Type.String())
	return nil
}

// overrides are the parameters that replace a header of the answer.
var overrides = [...]struct{ param, header string }{
	{"response-content-type", "Content-Type"},
	{"response-content-language", "Content-Language"},
	{"response-expires", "Expires"},
	{"response-cache-control", "Cache-Control"},
	{"response-content-disposition", "Content-Disposition"},
	{"response-content-encoding", "Content-Encoding"},
}

func (q *request) override() {
	for _, o := range overrides {
		q.set(o.header, q.query.Get(o.param))
	}
}
