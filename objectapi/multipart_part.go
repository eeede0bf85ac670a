package objectapi

import (
	"net/http"

	"cairn/objectapi/checksum"
	"cairn/objectapi/machine"
	"cairn/objectapi/s3xml"
	"cairn/store"
)

// partTarget is the upload and the number that an UploadPart names.
type partTarget struct {
	id     machine.UploadID
	number int
	upload *machine.Upload
}

func (q *request) partTarget() (t partTarget, err error) {
	if t.number, err = q.intParam("partNumber", 1, machine.MaxParts); err != nil {
		return t, err
	}
	if t.id, err = q.uploadID(); err != nil {
		return t, err
	}
	t.upload, err = q.g.objects.Upload(q.ctx(), q.ns, q.key, t.id)
	return t, err
}

// uploadPart answers UploadPart. The part's kept checksum is of the upload's
// algorithm; one of another that the client sent is checked and told.
func (q *request) uploadPart() error {
	t, err := q.partTarget()
	if err != nil {
		return err
	}
	want, err := q.expectedDigests()
	if err != nil {
		return err
	}
	s, _, err := q.storeChecked(want, t.upload.Class, t.upload.Algorithm)
	if err != nil {
		return err
	}
	if _, err := q.commitPart(t, s); err != nil {
		return err
	}
	shown := t.upload.Algorithm
	if want.algorithm != checksum.None {
		shown = want.algorithm
	}
	q.set(shown.Header(), checksum.Encode(s.sums.Of(shown)))
	q.set("ETag", quoted(s.etag()))
	return q.reply(http.StatusOK)
}

// commitPart makes a stored body a part of its upload.
func (q *request) commitPart(t partTarget, s *stored) (store.Time, error) {
	return q.g.objects.PutPart(q.ctx(), q.ns, q.key, t.id, &machine.PutPart{
		Body: s.Body, Number: t.number, Size: s.size, MD5: s.sums.MD5,
		Algorithm: t.upload.Algorithm, Sum: s.sums.Of(t.upload.Algorithm),
	})
}

// uploadPartCopy answers UploadPartCopy.
func (q *request) uploadPartCopy() error {
	from, err := q.copySource()
	if err != nil {
		return err
	}
	t, err := q.partTarget()
	if err != nil {
		return err
	}
	open := func() (*source, error) { return q.openPartSource(from) }
	defer q.g.store.Reading()()
	src, err := open()
	if err != nil {
		return err
	}
	return q.slowly(func() (*s3xml.Writer, error) {
		return rereading(src, open, func(src *source) (*s3xml.Writer, error) { return q.copyPart(t, src) })
	})
}

// openPartSource opens the bytes that x-amz-copy-source-range names. Unlike a
// GET's, the range must lie in the object.
func (q *request) openPartSource(from copySource) (*source, error) {
	raw := q.header("X-Amz-Copy-Source-Range")
	rng := parseRange(raw)
	if raw != "" && (!rng.given || rng.isSuffix || rng.last < 0) {
		return nil, invalidArgument("x-amz-copy-source-range", raw, "The x-amz-copy-source-range value must be of the form bytes=first-last where first and last are the zero-based offsets of the first and last bytes to copy")
	}
	src, err := q.openCopySource(from, rng.window())
	if err != nil {
		return nil, err
	}
	if rng.given && rng.last >= src.obj.Size {
		return nil, rng.outside(src.obj.Size)
	}
	if src.obj.Len > maxBody {
		return nil, invalidRequest("The specified copy source is larger than the maximum allowable size for a copy source: %d", int64(maxBody))
	}
	return src, nil
}

func (q *request) copyPart(t partTarget, src *source) (*s3xml.Writer, error) {
	s, err := q.storeSource(src, t.upload.Class, t.upload.Algorithm)
	if err != nil {
		return nil, err
	}
	at, err := q.commitPart(t, s)
	if err != nil {
		return nil, err
	}
	w := s3xml.NewWriter("CopyPartResult")
	w.Time("LastModified", at.Std())
	w.Text("ETag", quoted(s.etag()))
	partChecksum(w, t.upload.Algorithm, s.sums.Of(t.upload.Algorithm))
	return w, nil
}

// partChecksum writes a part's checksum as an element.
func partChecksum(w *s3xml.Writer, alg checksum.Algorithm, sum []byte) {
	if alg != checksum.None && sum != nil {
		w.Text(alg.Element(), checksum.Encode(sum))
	}
}
