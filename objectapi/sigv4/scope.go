package sigv4

import (
	"strings"
	"time"
)

const (
	algorithm  = "AWS4-HMAC-SHA256"
	terminator = "aws4_request"
	timeFormat = "20060102T150405Z"
	dateFormat = "20060102"

	// maxCredential bounds a credential; an access key has 16 to 128 bytes.
	maxCredential = 256
)

// Scope is what a signing key is good for.
type Scope struct {
	Date    string // YYYYMMDD
	Region  string
	Service string
}

// String returns the scope as it stands in a string to sign.
func (s Scope) String() string {
	return s.Date + "/" + s.Region + "/" + s.Service + "/" + terminator
}

// parseCredential reads "KEY/date/region/service/aws4_request". The access key
// may itself contain slashes.
func parseCredential(s string) (accessKey string, scope Scope, ok bool) {
	if len(s) > maxCredential {
		return "", Scope{}, false
	}
	f := strings.Split(s, "/")
	n := len(f)
	if n < 5 || f[n-1] != terminator {
		return "", Scope{}, false
	}
	scope = Scope{Date: f[n-4], Region: f[n-3], Service: f[n-2]}
	accessKey = strings.Join(f[:n-4], "/")
	if _, err := time.Parse(dateFormat, scope.Date); err != nil || accessKey == "" {
		return "", Scope{}, false
	}
	return accessKey, scope, true
}
