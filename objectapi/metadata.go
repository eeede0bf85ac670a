package objectapi

import (
	"mime"
	"net/http"
	"slices"
	"strings"

	"cairn/objectapi/machine"
	"cairn/objectapi/s3err"
)

const (
	metaPrefix         = "X-Amz-Meta-"
	defaultContentType = "binary/octet-stream"
)

// metadata reads what a PUT, copy, CreateMultipartUpload or form says about the
// object besides its bytes.
func (q *request) metadata(h http.Header) (machine.Meta, error) {
	m := machine.Meta{Owner: q.owner(), Redirect: h.Get("X-Amz-Website-Redirect-Location")}
	readHeaders(&m, h)
	var err error
	if m.User, err = userMeta(h); err != nil {
		return m, err
	}
	if m.StorageClass, m.Class, err = storageClass(h.Get("X-Amz-Storage-Class")); err != nil {
		return m, err
	}
	if v := h.Get("X-Amz-Tagging"); v != "" {
		if m.Tags, err = parseTagQuery(v); err != nil {
			return m, err
		}
	}
	if err := checkRedirect(m.Redirect); err != nil {
		return m, err
	}
	return m, checkACLHeaders(h)
}

// readHeaders reads the standard headers.
func readHeaders(m *machine.Meta, h http.Header) {
	m.ContentType = h.Get("Content-Type")
	if m.ContentType == "" {
		m.ContentType = defaultContentType
	}
	m.CacheControl = h.Get("Cache-Control")
	m.ContentDisposition = h.Get("Content-Disposition")
	m.ContentEncoding = storedEncoding(h.Values("Content-Encoding"))
	m.ContentLanguage = h.Get("Content-Language")
	m.Expires = h.Get("Expires")
}

// storedEncoding returns the content encoding without aws-chunked, which is one
// of the transfer.
func storedEncoding(values []string) string {
	var kept []string
	whole := strings.Join(values, ",")
	if !strings.Contains(strings.ToLower(whole), "aws-chunked") {
		return whole // as it was sent, spaces too
	}
	for _, v := range values {
		for token := range strings.SplitSeq(v, ",") {
			if token = strings.TrimSpace(token); token != "" && !strings.EqualFold(token, "aws-chunked") {
				kept = append(kept, token)
			}
		}
	}
	return strings.Join(kept, ",")
}

// userMeta reads the x-amz-meta-* headers, sorted by name.
func userMeta(h http.Header) ([]machine.Pair, error) {
	var pairs []machine.Pair
	total := 0
	for name, values := range h {
		suffix, ok := strings.CutPrefix(name, metaPrefix)
		if !ok || suffix == "" {
			continue
		}
		p := machine.Pair{Name: strings.ToLower(suffix), Value: strings.Join(values, ",")}
		total += len(p.Name) + len(p.Value)
		pairs = append(pairs, p)
	}
	if total > machine.MaxUserMeta {
		return nil, s3err.New(s3err.MetadataTooLarge)
	}
	slices.SortFunc(pairs, func(a, b machine.Pair) int { return strings.Compare(a.Name, b.Name) })
	return pairs, nil
}

// checkRedirect accepts a place that a website may send its reader to.
func checkRedirect(at string) error {
	for _, prefix := range []string{"/", "http://", "https://"} {
		if strings.HasPrefix(at, prefix) {
			return nil
		}
	}
	if at == "" {
		return nil
	}
	return s3err.New(s3err.InvalidRedirectLocation)
}

// setMetadata sets the headers that describe an object.
func (q *request) setMetadata(m *machine.Meta) {
	q.set("Content-Type", m.ContentType)
	q.set("Cache-Control", m.CacheControl)
	q.set("Content-Disposition", m.ContentDisposition)
	q.set("Content-Encoding", m.ContentEncoding)
	q.set("Content-Language", m.ContentLanguage)
	q.set("Expires", m.Expires)
	q.set("x-amz-website-redirect-location", m.Redirect)
	q.set("x-amz-storage-class", m.StorageClass)
	for _, p := range m.User {
		q.w.Header()["x-amz-meta-"+p.Name] = []string{printable(p.Value)}
	}
}

// printable returns a value as a header may have it: one with bytes beyond ASCII
// is encoded as RFC 2047 says.
func printable(v string) string {
	for i := range len(v) {
		if c := v[i]; c < ' ' && c != '\t' || c > '~' {
			return mime.BEncoding.Encode("UTF-8", v)
		}
	}
	return v
}
