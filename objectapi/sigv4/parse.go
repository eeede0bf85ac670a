package sigv4

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"cairn/objectapi/s3err"
)

// Claim is what a request says about who signed it, for what and when.
type Claim struct {
	AccessKey string
	Scope
	Time      time.Time
	Expires   time.Duration // of a presigned URL, else 0
	Presigned bool
	Payload   Payload
	Token     string // of temporary credentials

	signedHeaders []string
	signature     string
}

// Parse reads the claim of a request. An anonymous request gives nil and no
// error; one that is signed in any form but Signature Version 4, an error.
func Parse(r *Request) (*Claim, error) {
	auth := r.Header.Get("Authorization")
	inQuery := hasQueryAuth(r)
	switch {
	case auth != "" && inQuery:
		return nil, s3err.Msg(s3err.InvalidArgument, "Only one auth mechanism allowed; only the X-Amz-Algorithm query parameter, Signature query string parameter or the Authorization header should be specified.")
	case auth != "":
		return parseHeader(r, auth)
	case r.Query.Has("X-Amz-Algorithm"), inQuery && !isV2Query(r):
		return parsePresigned(r)
	case isV2Query(r):
		return nil, refuseV2()
	}
	return nil, nil
}

func hasQueryAuth(r *Request) bool {
	return r.Query.Has("X-Amz-Algorithm") || r.Query.Has("X-Amz-Signature") || r.Query.Has("X-Amz-Credential") || isV2Query(r)
}

func isV2Query(r *Request) bool { return r.Query.Has("AWSAccessKeyId") || r.Query.Has("Signature") }

func refuseV2() error {
	return s3err.Msg(s3err.InvalidRequest, "The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256.")
}

func malformed(message string) error {
	return s3err.Msg(s3err.AuthorizationHeaderMalformed, "The authorization header is malformed; "+message)
}

// parseHeader reads
// "AWS4-HMAC-SHA256 Credential=…, SignedHeaders=a;b, Signature=…".
func parseHeader(r *Request, auth string) (*Claim, error) {
	scheme, rest, _ := strings.Cut(auth, " ")
	switch {
	case scheme == "AWS":
		return nil, refuseV2()
	case strings.HasPrefix(scheme, "AWS4-ECDSA"):
		return nil, s3err.Msg(s3err.NotImplemented, "Signature Version 4A is not offered. Sign with AWS4-HMAC-SHA256.")
	case scheme != algorithm:
		return nil, s3err.Msg(s3err.InvalidArgument, "Unsupported Authorization Type").With("ArgumentName", "Authorization")
	}
	c := &Claim{Token: r.Header.Get("X-Amz-Security-Token")}
	var credential, headers string
	for rest != "" {
		var field string
		field, rest, _ = strings.Cut(rest, ",")
		name, value, _ := strings.Cut(strings.TrimSpace(field), "=")
		switch name {
		case "Credential":
			credential = value
		case "SignedHeaders":
			headers = value
		case "Signature":
			c.signature = value
		}
	}
	var ok bool
	if c.AccessKey, c.Scope, ok = parseCredential(credential); !ok {
		return nil, malformed(`the Credential is mal-formed; expecting "<YOUR-AKID>/YYYYMMDD/REGION/SERVICE/aws4_request".`)
	}
	if c.signedHeaders, ok = parseSigned(headers); !ok {
		return nil, malformed("the SignedHeaders must be a sorted, semicolon-separated list of lower-case names that has host.")
	}
	if len(c.signature) != 64 {
		return nil, malformed("the Signature must be 64 hexadecimal digits.")
	}
	return c, c.readHeaders(r)
}

// readHeaders takes date and payload hash from the request's headers.
func (c *Claim) readHeaders(r *Request) error {
	date := r.Header.Get("X-Amz-Date")
	var err error
	if date != "" {
		c.Time, err = time.Parse(timeFormat, date)
	} else {
		c.Time, err = time.Parse(time.RFC1123, r.Header.Get("Date"))
	}
	if err != nil {
		return s3err.Msg(s3err.AccessDenied, "AWS authentication requires a valid Date or x-amz-date header")
	}
	c.Payload = Payload(r.Header.Get(headerPayload))
	if c.Payload == "" {
		return s3err.Msg(s3err.InvalidRequest, "Missing required header for this request: x-amz-content-sha256")
	}
	return c.Payload.validate()
}

func badQuery(message string) error {
	return s3err.Msg(s3err.AuthorizationQueryParametersError, message)
}

// parsePresigned reads the X-Amz-* parameters of a presigned URL.
func parsePresigned(r *Request) (*Claim, error) {
	q := r.Query
	if a := q.Get("X-Amz-Algorithm"); a != algorithm {
		return nil, badQuery(`X-Amz-Algorithm only supports "AWS4-HMAC-SHA256"`)
	}
	c := &Claim{Presigned: true, Token: q.Get("X-Amz-Security-Token"), Payload: Unsigned, signature: q.Get("X-Amz-Signature")}
	var ok bool
	if c.AccessKey, c.Scope, ok = parseCredential(q.Get("X-Amz-Credential")); !ok {
		return nil, badQuery(`Error parsing the X-Amz-Credential parameter; the Credential is mal-formed; expecting "<YOUR-AKID>/YYYYMMDD/REGION/SERVICE/aws4_request".`)
	}
	if c.signedHeaders, ok = parseSigned(q.Get("X-Amz-SignedHeaders")); !ok {
		return nil, badQuery("X-Amz-SignedHeaders must be a sorted, semicolon-separated list of lower-case names that has host.")
	}
	if len(c.signature) != 64 {
		return nil, badQuery("Query-string authentication version 4 requires the X-Amz-Algorithm, X-Amz-Credential, X-Amz-Signature, X-Amz-Date, X-Amz-SignedHeaders, and X-Amz-Expires parameters.")
	}
	var err error
	if c.Time, err = time.Parse(timeFormat, q.Get("X-Amz-Date")); err != nil {
		return nil, badQuery(`X-Amz-Date must be in the ISO8601 Long Format "yyyyMMdd'T'HHmmss'Z'"`)
	}
	seconds, err := strconv.Atoi(q.Get("X-Amz-Expires"))
	switch {
	case err != nil:
		return nil, badQuery("X-Amz-Expires should be a number")
	case seconds < 1:
		return nil, s3err.Msg(s3err.AccessDenied, "Request has expired")
	case seconds > maxExpires:
		return nil, badQuery("X-Amz-Expires must be less than a week (in seconds); that is, the given X-Amz-Expires must be less than 604800 seconds")
	}
	c.Expires = time.Duration(seconds) * time.Second
	return c, c.presignedPayload(r)
}

// presignedPayload takes the payload from the query, or from a header if that
// is signed.
func (c *Claim) presignedPayload(r *Request) error {
	if v := r.Query.Get("X-Amz-Content-Sha256"); v != "" {
		c.Payload = Payload(v)
	} else if v := r.Header.Get(headerPayload); v != "" && slices.Contains(c.signedHeaders, headerPayload) {
		c.Payload = Payload(v)
	}
	return c.Payload.validate()
}

// maxSigned bounds the list of signed headers.
const maxSigned = 100

// parseSigned reads "a;b;host". The names must be lower-case, sorted and among
// them must be host.
func parseSigned(s string) (names []string, ok bool) {
	if s == "" || s != strings.ToLower(s) || strings.Count(s, ";") >= maxSigned {
		return nil, false
	}
	names = strings.Split(s, ";")
	return names, slices.IsSorted(names) && slices.Contains(names, "host")
}
