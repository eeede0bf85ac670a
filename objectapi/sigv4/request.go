package sigv4

import (
	"net/http"
	"slices"
	"strconv"
	"strings"

	"cairn/objectapi/uri"
)

// Request is the part of an HTTP request that a signature covers.
type Request struct {
	Method        string
	Path          string // decoded once, begins with "/"
	Query         uri.Query
	Host          string
	Header        http.Header
	ContentLength int64    // negative: unknown
	Transfer      []string // transfer encodings
}

// headerValue returns the canonical value of a header by its lower-case name:
// values joined by commas, spaces trimmed and runs of them made one. The server
// takes a few headers out of Header; ok is false if the request has none.
func (r *Request) headerValue(name string) (value string, ok bool) {
	switch name {
	case "host":
		return r.Host, true
	case "transfer-encoding":
		return strings.Join(r.Transfer, ","), len(r.Transfer) > 0
	case "content-length":
		if v := r.Header.Get("Content-Length"); v != "" {
			return v, true
		}
		return strconv.FormatInt(r.ContentLength, 10), r.ContentLength >= 0
	}
	values := r.Header[http.CanonicalHeaderKey(name)]
	if len(values) == 1 {
		return squeeze(values[0]), true
	}
	squeezed := make([]string, len(values))
	for i, v := range values {
		squeezed[i] = squeeze(v)
	}
	return strings.Join(squeezed, ","), len(values) > 0
}

// squeeze trims spaces and makes each run of them one.
func squeeze(s string) string {
	s = strings.TrimSpace(s)
	if !strings.Contains(s, "  ") {
		return s
	}
	return strings.Join(strings.FieldsFunc(s, func(r rune) bool { return r == ' ' }), " ")
}

// appendCanonical appends the canonical request.
func (r *Request) appendCanonical(dst []byte, signed []string, payload string) []byte {
	dst = append(dst, r.Method...)
	dst = append(dst, '\n')
	dst = uri.AppendEncodedPath(dst, r.Path)
	dst = append(dst, '\n')
	dst = r.Query.AppendCanonical(dst, "X-Amz-Signature")
	dst = append(dst, '\n')
	for _, name := range signed {
		v, _ := r.headerValue(name)
		dst = append(dst, name...)
		dst = append(dst, ':')
		dst = append(dst, v...)
		dst = append(dst, '\n')
	}
	dst = append(dst, '\n')
	dst = append(dst, strings.Join(signed, ";")...)
	dst = append(dst, '\n')
	return append(dst, payload...)
}

// amz begins the headers that must be signed.
const amz = "x-amz-"

// unsigned returns the x-amz-* headers of the request that are not signed, in
// order: a proxy or an attacker may have added them.
func (r *Request) unsigned(signed []string) []string {
	var out []string
	for name := range r.Header {
		if len(name) < len(amz) || !strings.EqualFold(name[:len(amz)], amz) || strings.EqualFold(name, headerPayload) {
			continue
		}
		if !slices.ContainsFunc(signed, func(s string) bool { return strings.EqualFold(s, name) }) {
			out = append(out, strings.ToLower(name))
		}
	}
	slices.Sort(out)
	return out
}
