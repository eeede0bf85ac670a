package objectapi

import (
	"encoding/base64"

	"cairn/objectapi/checksum"
	"cairn/objectapi/machine"
	"cairn/objectapi/s3xml"
	"cairn/objectapi/uri"
)

// listing is what the listings of a bucket have in common.
type listing struct {
	prefix, delimiter, after string
	limit                    int
	encode                   bool // encoding-type=url
}

// listing reads the parameters; limit and after go by different names.
func (q *request) listing(limit, after string) (*listing, error) {
	l := &listing{prefix: q.query.Get("prefix"), delimiter: q.query.Get("delimiter"), after: q.query.Get(after)}
	switch v := q.query.Get("encoding-type"); v {
	case "":
	case "url":
		l.encode = true
	default:
		return nil, invalidArgument("encoding-type", v, "Invalid Encoding Method specified in Request")
	}
	var err error
	l.limit, err = q.limitParam(limit)
	return l, err
}

// text writes an element with a key or a part of one.
func (l *listing) text(w *s3xml.Writer, name, value string) {
	if l.encode {
		w.Append(name, func(dst []byte) []byte { return uri.AppendEncodedPath(dst, value) })
		return
	}
	w.Text(name, value)
}

// head writes the elements that every listing has.
func (l *listing) head(w *s3xml.Writer, limit string, more bool) {
	l.text(w, "Prefix", l.prefix)
	if l.delimiter != "" {
		l.text(w, "Delimiter", l.delimiter)
	}
	w.Int(limit, int64(l.limit))
	if l.encode {
		w.Text("EncodingType", "url")
	}
	w.Bool("IsTruncated", more)
}

func (l *listing) prefixes(w *s3xml.Writer, prefixes []string) {
	for _, p := range prefixes {
		w.Open("CommonPrefixes")
		l.text(w, "Prefix", p)
		w.Close()
	}
}

func (q *request) listPage(l *listing) (*machine.ListPage, error) {
	return q.g.objects.List(q.ctx(), q.ns, machine.List{
		Prefix: l.prefix, Delimiter: l.delimiter, After: l.after, Max: l.limit,
	})
}

// listObjects answers ListObjects, the first version.
func (q *request) listObjects() error {
	l, err := q.listing("max-keys", "marker")
	if err != nil {
		return err
	}
	page, err := q.listPage(l)
	if err != nil {
		return err
	}
	w := s3xml.NewWriter("ListBucketResult")
	w.Text("Name", q.bucket)
	l.text(w, "Marker", l.after)
	if page.More && l.delimiter != "" {
		l.text(w, "NextMarker", page.Next)
	}
	l.head(w, "MaxKeys", page.More)
	for i := range page.Entries {
		q.entryElement(w, l, "Contents", &page.Entries[i], true)
	}
	l.prefixes(w, page.Prefixes)
	return q.replyXML(w)
}

// listObjectsV2 answers ListObjectsV2.
func (q *request) listObjectsV2() error {
	l, err := q.listing("max-keys", "start-after")
	if err != nil {
		return err
	}
	start := l.after
	token, given := q.query.Lookup("continuation-token")
	if token != "" {
		if l.after, err = parseToken(token); err != nil {
			return invalidArgument("continuation-token", token, "The continuation token provided is incorrect")
		}
	}
	page, err := q.listPage(l)
	if err != nil {
		return err
	}
	w := s3xml.NewWriter("ListBucketResult")
	w.Text("Name", q.bucket)
	if start != "" {
		l.text(w, "StartAfter", start)
	}
	if given {
		w.Text("ContinuationToken", token)
	}
	if page.More {
		w.Text("NextContinuationToken", makeToken(page.Next))
	}
	w.Int("KeyCount", int64(len(page.Entries)+len(page.Prefixes)))
	l.head(w, "MaxKeys", page.More)
	owner := q.query.Get("fetch-owner") == "true"
	for i := range page.Entries {
		q.entryElement(w, l, "Contents", &page.Entries[i], owner)
	}
	l.prefixes(w, page.Prefixes)
	return q.replyXML(w)
}

// listVersions answers ListObjectVersions: every object has the one version
// that objects have which were never versioned, "null".
func (q *request) listVersions() error {
	l, err := q.listing("max-keys", "key-marker")
	if err != nil {
		return err
	}
	marker := q.query.Get("version-id-marker")
	if marker != "" && l.after == "" {
		return invalidArgument("version-id-marker", marker, "A version-id marker cannot be specified without a key marker.")
	}
	page, err := q.listPage(l)
	if err != nil {
		return err
	}
	w := s3xml.NewWriter("ListVersionsResult")
	w.Text("Name", q.bucket)
	l.text(w, "KeyMarker", l.after)
	w.Text("VersionIdMarker", marker)
	if page.More {
		l.text(w, "NextKeyMarker", page.Next)
		w.Text("NextVersionIdMarker", "null")
	}
	l.head(w, "MaxKeys", page.More)
	for i := range page.Entries {
		q.entryElement(w, l, "Version", &page.Entries[i], true)
	}
	l.prefixes(w, page.Prefixes)
	return q.replyXML(w)
}

// entryElement writes an object of a listing.
func (q *request) entryElement(w *s3xml.Writer, l *listing, name string, e *machine.Entry, owner bool) {
	w.Open(name)
	l.text(w, "Key", e.Key)
	if name == "Version" {
		w.Text("VersionId", "null")
		w.Bool("IsLatest", true)
	}
	w.Time("LastModified", e.Modified.Std())
	w.Open("ETag")
	w.Chars(`"`)
	w.Chars(e.ETag())
	w.Chars(`"`)
	w.Close()
	if e.Algorithm != checksum.None {
		w.Text("ChecksumAlgorithm", e.Algorithm.String())
		w.Text("ChecksumType", e.Type.String())
	}
	w.Int("Size", e.Size)
	w.Text("StorageClass", shownClass(e.StorageClass))
	if owner {
		q.ownerElement(w, "Owner")
	}
	w.Close()
}

// makeToken hides the key that a listing goes on behind, so that no client
// makes tokens of its own.
func makeToken(after string) string { return base64.RawURLEncoding.EncodeToString([]byte(after)) }

func parseToken(token string) (after string, err error) {
	b, err := base64.RawURLEncoding.DecodeString(token)
	return string(b), err
}
