package objectapi

import (
	"net"
	"strings"
	"unicode/utf8"

	"cairn/objectapi/machine"
	"cairn/objectapi/s3err"
	"cairn/objectapi/uri"
)

// target is what a request addresses.
type target struct {
	path   string // decoded
	bucket string // empty: the service
	key    string // empty: the bucket
	query  uri.Query
}

// parseTarget takes a request's host and target apart. domains are base domains
// of virtual-hosted addressing.
func parseTarget(host, requestURI string, domains []string) (t target, err error) {
	path, query := uri.Split(requestURI)
	if t.path, err = uri.Decode(path); err != nil {
		return t, s3err.New(s3err.InvalidURI).Because(err)
	}
	if t.query, err = uri.ParseQuery(query); err != nil {
		return t, s3err.New(s3err.InvalidURI).Because(err)
	}
	rest := strings.TrimPrefix(t.path, "/")
	if t.bucket = hostBucket(host, domains); t.bucket != "" {
		t.key = rest
	} else {
		t.bucket, t.key, _ = strings.Cut(rest, "/")
	}
	if !utf8.ValidString(t.key) {
		return t, s3err.New(s3err.InvalidURI)
	}
	if len(t.key) > machine.MaxKey {
		return t, s3err.New(s3err.KeyTooLong)
	}
	return t, nil
}

// hostBucket returns the bucket that a host name addresses, "" if it addresses
// the service.
func hostBucket(host string, domains []string) string {
	if len(domains) == 0 {
		return ""
	}
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	for _, d := range domains {
		if b, ok := strings.CutSuffix(host, "."+d); ok {
			return b
		}
	}
	return ""
}

// validBucketName reports whether a bucket may have the name.
// Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
func validBucketName(s string) bool {
	if len(s) < 3 || len(s) > 63 || strings.Contains(s, "..") {
		return false
	}
	for i := range len(s) {
		c := s[i]
		alphanumeric := 'a' <= c && c <= 'z' || '0' <= c && c <= '9'
		inner := i > 0 && i < len(s)-1
		if !alphanumeric && !(inner && (c == '-' || c == '.')) {
			return false
		}
	}
	if strings.Contains(s, ".-") || strings.Contains(s, "-.") {
		return false // no label of a host name
	}
	if strings.Trim(s, ".0123456789") == "" && net.ParseIP(s) != nil {
		return false
	}
	for _, p := range []string{"xn--", "sthree-", "amzn-s3-demo-"} {
		if strings.HasPrefix(s, p) {
			return false
		}
	}
	for _, x := range []string{"-s3alias", "--ol-s3", "--x-s3", ".mrap"} {
		if strings.HasSuffix(s, x) {
			return false
		}
	}
	return true
}
