package objectapi

import (
	"net/http"
	"strconv"
	"strings"

	"cairn/objectapi/checksum"
	"cairn/objectapi/machine"
	"cairn/objectapi/s3err"
	"cairn/objectapi/s3xml"
	"cairn/objectapi/uri"
	"cairn/store"
)

// completeUpload answers CompleteMultipartUpload.
func (q *request) completeUpload() error {
	id, err := q.uploadID()
	if err != nil {
		return err
	}
	in, err := q.completion()
	if err != nil {
		return err
	}
	if err := q.fitChecksums(id, in); err != nil {
		return err
	}
	return q.slowly(func() (*s3xml.Writer, error) {
		info, err := q.g.objects.Complete(q.ctx(), q.ns, q.key, id, in)
		if err != nil {
			return nil, err
		}
		q.drainSoon(info.Drain)
		w := s3xml.NewWriter("CompleteMultipartUploadResult")
		w.Text("Location", q.location())
		w.Text("Bucket", q.bucket)
		w.Text("Key", q.key)
		w.Text("ETag", quoted(info.ETag))
		checksumElements(w, info.Checksum, len(in.Parts))
		return w, nil
	})
}

// fitChecksums leaves the parts' checksums out that are not of the upload's
// algorithm. They were checked when the parts arrived.
func (q *request) fitChecksums(id machine.UploadID, in *machine.Complete) error {
	u, err := q.g.objects.Upload(q.ctx(), q.ns, q.key, id)
	if store.Is(err, store.KindNotFound) {
		return nil // a repeated Complete, perhaps: the command knows
	}
	if err != nil {
		return err
	}
	for i := range in.Parts {
		if p := &in.Parts[i]; p.Algorithm != u.Algorithm {
			p.Algorithm, p.Sum = checksum.None, nil
		}
	}
	return nil
}

// completion reads the request.
func (q *request) completion() (*machine.Complete, error) {
	in := &machine.Complete{}
	var err error
	if in.Cond, err = q.writeCondition(); err != nil {
		return nil, err
	}
	if in.Checksum, err = objectChecksum(q.r.Header); err != nil {
		return nil, err
	}
	if v := q.header("X-Amz-Mp-Object-Size"); v != "" {
		n, err := strconv.ParseInt(v, 10, 64)
		if err != nil || n < 0 {
			return nil, invalidRequest("Value for x-amz-mp-object-size header is invalid.")
		}
		in.Size = &n
	}
	doc, err := q.readUnsummedDocument()
	if err != nil {
		return nil, err
	}
	in.Parts, err = parseComplete(doc)
	return in, err
}

// objectChecksum reads what the finished object's checksum must be. Here, unlike
// elsewhere, the x-amz-checksum-* header is not about the request's body.
func objectChecksum(h http.Header) (c machine.Checksum, err error) {
	if v := h.Get("X-Amz-Checksum-Type"); v != "" {
		if c.Type = checksum.ParseType(v); c.Type == checksum.NoType {
			return c, invalidRequest("Value for x-amz-checksum-type header is invalid.")
		}
	}
	for _, a := range checksum.All {
		v := h.Get(a.Header())
		if v == "" {
			continue
		}
		if c.Algorithm != checksum.None {
			return c, tooManyChecksums()
		}
		var ok bool
		v, _, _ = strings.Cut(v, "-") // a composite one has its number of parts behind it
		if c.Sum, ok = a.Decode(v); !ok {
			return c, badChecksum(a)
		}
		c.Algorithm = a
	}
	return c, nil
}

// parseComplete reads a CompleteMultipartUpload document.
func parseComplete(doc []byte) ([]machine.CompletePart, error) {
	root, err := s3xml.Parse(doc)
	if err != nil || root.Name != "CompleteMultipartUpload" {
		return nil, s3err.New(s3err.MalformedXML).Because(err)
	}
	parts := make([]machine.CompletePart, 0, len(root.Children))
	for _, n := range root.Children {
		if n.Name != "Part" {
			continue
		}
		p := machine.CompletePart{ETag: bareETag(n.Trimmed("ETag"))}
		if p.Number, err = strconv.Atoi(n.Trimmed("PartNumber")); err != nil || p.ETag == "" {
			return nil, s3err.New(s3err.MalformedXML)
		}
		if err := readPartChecksum(&p, n); err != nil {
			return nil, err
		}
		parts = append(parts, p)
	}
	if len(parts) == 0 {
		return nil, s3err.New(s3err.MalformedXML)
	}
	return parts, nil
}

func readPartChecksum(p *machine.CompletePart, n *s3xml.Node) error {
	for _, a := range checksum.All {
		if v := n.Trimmed(a.Element()); v != "" {
			var ok bool
			if p.Sum, ok = a.Decode(v); !ok {
				return s3err.New(s3err.InvalidPart).With("PartNumber", strconv.Itoa(p.Number))
			}
			p.Algorithm = a
			return nil
		}
	}
	return nil
}

// location returns the URL of the request's object.
func (q *request) location() string {
	scheme := "http://"
	if q.r.TLS != nil {
		scheme = "https://"
	}
	return scheme + q.r.Host + string(uri.AppendEncodedPath(nil, q.path))
}
