// Package uri takes request targets apart as S3 needs it: bytes are decoded
// once and never normalised. "//", ".", "..", "+" and "%2F" in a key mean what
// they say; net/url and path.Clean are not used because each changes some of
// them. All functions are pure and their cost is linear in their input.
package uri

import (
	"fmt"
	"slices"
	"strings"
)

// MaxParams is how many parameters a query may have.
const MaxParams = 200

// Split separates the target of a request line into its raw path, which begins
// with "/", and its raw query. It takes the origin form ("/a?b"), the absolute
// form ("http://host/a?b") and "*".
func Split(target string) (path, query string) {
	if !strings.HasPrefix(target, "/") {
		if _, rest, ok := strings.Cut(target, "://"); ok {
			i := strings.IndexAny(rest, "/?")
			if i < 0 {
				return "/", ""
			}
			target = rest[i:]
		}
	}
	path, query, _ = strings.Cut(target, "?")
	if path == "" || path == "*" {
		path = "/"
	}
	return path, query
}

// Decode undoes percent-encoding once; "+" is a plus.
func Decode(s string) (string, error) { return decode(s, '+') }

// DecodeForm undoes percent-encoding once; "+" is a space, as in a query.
func DecodeForm(s string) (string, error) { return decode(s, ' ') }

func decode(s string, plus byte) (string, error) {
	if strings.IndexByte(s, '%') < 0 && (plus == '+' || strings.IndexByte(s, '+') < 0) {
		return s, nil
	}
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		switch c := s[i]; c {
		case '%':
			if i+2 >= len(s) || unhex(s[i+1]) < 0 || unhex(s[i+2]) < 0 {
				return "", fmt.Errorf("bad percent-encoding at byte %d of %.80q", i, s)
			}
			b = append(b, byte(unhex(s[i+1])<<4|unhex(s[i+2])))
			i += 2
		case '+':
			b = append(b, plus)
		default:
			b = append(b, c)
		}
	}
	return string(b), nil
}

func unhex(c byte) int {
	switch {
	case '0' <= c && c <= '9':
		return int(c - '0')
	case 'a' <= c && c <= 'f':
		return int(c-'a') + 10
	case 'A' <= c && c <= 'F':
		return int(c-'A') + 10
	}
	return -1
}

// AppendEncoded appends s with every byte outside A-Z a-z 0-9 - . _ ~ as %XX.
func AppendEncoded(dst []byte, s string) []byte { return encode(dst, s, false) }

// AppendEncodedPath is AppendEncoded, but "/" stays.
func AppendEncodedPath(dst []byte, s string) []byte { return encode(dst, s, true) }

func encode(dst []byte, s string, slash bool) []byte {
	const digits = "0123456789ABCDEF"
	for i := 0; i < len(s); i++ {
		if c := s[i]; unreserved(c) || slash && c == '/' {
			dst = append(dst, c)
		} else {
			dst = append(dst, '%', digits[c>>4], digits[c&15])
		}
	}
	return dst
}

func unreserved(c byte) bool {
	switch {
	case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
		return true
	}
	return c == '-' || c == '.' || c == '_' || c == '~'
}

// Param is one decoded parameter of a query.
type Param struct{ Name, Value string }

// Query is a decoded query in the order it was sent.
type Query []Param

// ParseQuery decodes a raw query. "a" and "a=" are the same; empty pieces
// between "&" are skipped.
func ParseQuery(raw string) (Query, error) {
	if raw == "" {
		return nil, nil
	}
	var q Query
	for raw != "" {
		var piece string
		piece, raw, _ = strings.Cut(raw, "&")
		if piece == "" {
			continue
		}
		if len(q) == MaxParams {
			return nil, fmt.Errorf("query has more than %d parameters", MaxParams)
		}
		name, value, _ := strings.Cut(piece, "=")
		p, err := decodeParam(name, value)
		if err != nil {
			return nil, err
		}
		q = append(q, p)
	}
	return q, nil
}

func decodeParam(name, value string) (p Param, err error) {
	if p.Name, err = DecodeForm(name); err == nil {
		p.Value, err = DecodeForm(value)
	}
	return p, err
}

// Get returns the first value of a parameter, "" if there is none.
func (q Query) Get(name string) string {
	v, _ := q.Lookup(name)
	return v
}

// Has reports whether a parameter is there, with a value or without.
func (q Query) Has(name string) bool {
	_, ok := q.Lookup(name)
	return ok
}

// Lookup returns the first value of a parameter.
func (q Query) Lookup(name string) (value string, ok bool) {
	for _, p := range q {
		if p.Name == name {
			return p.Value, true
		}
	}
	return "", false
}

// AppendCanonical appends the query in the form that a signature covers: sorted
// by encoded name, then encoded value, without the parameter named skip.
func (q Query) AppendCanonical(dst []byte, skip string) []byte {
	pairs := make([]string, 0, len(q))
	var b []byte
	for _, p := range q {
		if p.Name == skip {
			continue
		}
		b = AppendEncoded(b[:0], p.Name)
		b = append(b, '=')
		pairs = append(pairs, string(AppendEncoded(b, p.Value)))
	}
	// '=' sorts behind '-', '.' and digits, so compare the names apart.
	slices.SortFunc(pairs, comparePairs)
	for i, p := range pairs {
		if i > 0 {
			dst = append(dst, '&')
		}
		dst = append(dst, p...)
	}
	return dst
}

func comparePairs(a, b string) int {
	an, av, _ := strings.Cut(a, "=")
	bn, bv, _ := strings.Cut(b, "=")
	if c := strings.Compare(an, bn); c != 0 {
		return c
	}
	return strings.Compare(av, bv)
}
