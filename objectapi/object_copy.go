package objectapi

import (
	"errors"
	"strings"
	"unicode/utf8"

	"cairn/objectapi/checksum"
	"cairn/objectapi/machine"
	"cairn/objectapi/s3err"
	"cairn/objectapi/s3xml"
	"cairn/objectapi/uri"
	"cairn/store"
)

// copySource is what x-amz-copy-source names.
type copySource struct {
	bucket, key string
	ns          store.NS
}

// copySource reads the header and checks that the caller may read the bucket.
func (q *request) copySource() (s copySource, err error) {
	raw := q.header("X-Amz-Copy-Source")
	bad := invalidArgument("x-amz-copy-source", raw, "Copy Source must mention the source bucket and key: sourcebucket/sourcekey")
	path, query, _ := strings.Cut(raw, "?")
	decoded, err := uri.Decode(path)
	if err != nil {
		return s, bad
	}
	var ok bool
	s.bucket, s.key, ok = strings.Cut(strings.TrimPrefix(decoded, "/"), "/")
	if !ok || s.key == "" || !utf8.ValidString(s.key) || !validBucketName(s.bucket) {
		return s, bad
	}
	if len(s.key) > machine.MaxKey {
		return s, s3err.New(s3err.KeyTooLong)
	}
	params, err := uri.ParseQuery(query)
	if err != nil {
		return s, bad
	}
	if id, ok := params.Lookup("versionId"); ok && id != "null" {
		return s, s3err.New(s3err.NoSuchVersion).With("VersionId", id)
	}
	entry, err := q.lookupBucket(s.bucket)
	if err != nil {
		return s, err
	}
	s.ns = bucketNS(entry)
	return s, q.checkOwner("x-amz-source-expected-bucket-owner", entry)
}

// copyObject answers CopyObject: the data is read and stored again, so that a
// copy shares nothing with its source.
func (q *request) copyObject() error {
	from, err := q.copySource()
	if err != nil {
		return err
	}
	cond, err := q.writeCondition()
	if err != nil {
		return err
	}
	c := &copying{q: q, from: from, cond: cond}
	if err := c.readDirectives(); err != nil {
		return err
	}
	defer q.g.store.Reading()()
	src, err := c.open(machine.Whole)
	if err != nil {
		return err
	}
	return q.slowly(func() (*s3xml.Writer, error) { return c.run(src) })
}

// copying is one CopyObject.
type copying struct {
	q    *request
	from copySource
	cond machine.Cond

	replaceMeta, replaceTags bool
	meta                     machine.Meta // as the request's headers say
	algorithm                checksum.Algorithm
}

func (c *copying) readDirectives() (err error) {
	q := c.q
	if c.replaceMeta, err = q.directive("X-Amz-Metadata-Directive"); err != nil {
		return err
	}
	if c.replaceTags, err = q.directive("X-Amz-Tagging-Directive"); err != nil {
		return err
	}
	if v := q.header("X-Amz-Checksum-Algorithm"); v != "" {
		if c.algorithm = checksum.Parse(v); c.algorithm == checksum.None {
			return invalidRequest("Checksum algorithm provided is unsupported. Please try again with any of the valid types: [CRC32, CRC32C, CRC64NVME, SHA1, SHA256]")
		}
	}
	c.meta, err = q.metadata(q.r.Header)
	return err
}

// directive reads a header that is COPY, the default, or REPLACE.
func (q *request) directive(name string) (replace bool, err error) {
	switch v := q.header(name); v {
	case "", "COPY":
		return false, nil
	case "REPLACE":
		return true, nil
	default:
		return false, invalidArgument(strings.ToLower(name), v, "Unknown directive; use COPY or REPLACE.")
	}
}

// open opens the source and checks the copy's conditions.
func (c *copying) open(w machine.Window) (*source, error) {
	src, err := c.q.openCopySource(c.from, w)
	if err != nil {
		return nil, err
	}
	if src.obj.Size > maxBody {
		return nil, invalidRequest("The specified copy source is larger than the maximum allowable size for a copy source: %d", int64(maxBody))
	}
	same := c.from.ns == c.q.ns && c.from.key == c.q.key
	if same && !c.replaceMeta && c.meta.StorageClass == src.obj.StorageClass && c.meta.Redirect == src.obj.Redirect {
		return nil, invalidRequest("This copy request is illegal because it is trying to copy an object to itself without changing the object's metadata, storage class, website redirect location or encryption attributes.")
	}
	return src, nil
}

func (q *request) openCopySource(from copySource, w machine.Window) (*source, error) {
	src, err := q.g.openSource(q.ctx(), from.ns, from.key, w)
	if err != nil {
		return nil, err
	}
	cond := q.copyCondition()
	return src, cond.check(&src.obj.Record)
}

// run copies and returns the answer.
func (c *copying) run(src *source) (*s3xml.Writer, error) {
	return rereading(src, func() (*source, error) { return c.open(machine.Whole) }, c.once)
}

// rereading runs f, again with the source opened anew if its data was collected
// meanwhile because it was replaced.
func rereading(src *source, open func() (*source, error), f func(*source) (*s3xml.Writer, error)) (*s3xml.Writer, error) {
	for try := 0; ; try++ {
		doc, err := f(src)
		if !errors.Is(err, errCollected) || try == rereads {
			return doc, err
		}
		if src, err = open(); err != nil {
			return nil, err
		}
	}
}

func (c *copying) once(src *source) (*s3xml.Writer, error) {
	meta := c.targetMeta(&src.obj.Record)
	alg := c.algorithm
	if alg == checksum.None {
		alg = checksum.CRC64NVME
		if src.obj.Checksum.Type == checksum.FullObject {
			alg = src.obj.Checksum.Algorithm
		}
	}
	s, err := c.q.storeSource(src, meta.Class, alg)
	if err != nil {
		return nil, err
	}
	info, err := c.q.commitObject(&meta, c.cond, s, alg)
	if err != nil {
		return nil, err
	}
	w := s3xml.NewWriter("CopyObjectResult")
	w.Time("LastModified", info.Modified.Std())
	w.Text("ETag", quoted(info.ETag))
	checksumElements(w, info.Checksum, 0)
	return w, nil
}

// targetMeta returns the copy's metadata. Owner, storage class and redirect are
// never copied.
func (c *copying) targetMeta(rec *machine.Record) machine.Meta {
	m := rec.Meta
	if c.replaceMeta {
		m = c.meta
		m.Tags = rec.Tags
	}
	if c.replaceTags {
		m.Tags = c.meta.Tags
	}
	m.Owner, m.Redirect = c.meta.Owner, c.meta.Redirect
	m.StorageClass, m.Class = c.meta.StorageClass, c.meta.Class
	return m
}

// storeSource stores the bytes of src again, for the request's object.
func (q *request) storeSource(src *source, class store.Class, algs ...checksum.Algorithm) (*stored, error) {
	d := src.fetch(q.ctx())
	defer d.close()
	return q.g.storeBody(q.ctx(), d.reader(), src.obj.Len, q.objectOwner(), class, algs)
}

// checksumElements writes an object's checksum as elements.
func checksumElements(w *s3xml.Writer, c machine.Checksum, parts int) {
	if c.Algorithm == checksum.None {
		return
	}
	w.Text(c.Algorithm.Element(), shownChecksum(c, parts))
	w.Text("ChecksumType", c.Type.String())
}
