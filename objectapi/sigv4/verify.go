package sigv4

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"strings"
	"time"

	"cairn/objectapi/s3err"
)

const (
	// MaxSkew is how far a request's clock may be from the server's.
	MaxSkew = 15 * time.Minute

	maxExpires = 7 * 24 * 60 * 60 // seconds
)

// Check compares the claim's scope and time with the server's. It says nothing
// about the signature.
func (c *Claim) Check(region, service string, now time.Time) error {
	if err := c.CheckScope(region, service); err != nil {
		return err
	}
	if c.Presigned {
		return c.checkExpiry(now)
	}
	if d := now.Sub(c.Time); d > MaxSkew || d < -MaxSkew {
		return s3err.New(s3err.RequestTimeTooSkewed).
			With("RequestTime", c.Time.UTC().Format(timeFormat)).
			With("ServerTime", now.UTC().Format(time.RFC3339)).
			With("MaxAllowedSkewMilliseconds", strconv.FormatInt(MaxSkew.Milliseconds(), 10))
	}
	return nil
}

// CheckScope is Check without the time, for a POST form, whose policy says how
// long it is good for.
func (c *Claim) CheckScope(region, service string) error {
	if c.Service != service {
		return s3err.Msg(s3err.NotImplemented, "This endpoint does not offer the service "+strconv.Quote(c.Service)+" that the credential's scope names; it offers "+service+".")
	}
	if c.Region != region {
		message := "the region '" + c.Region + "' is wrong; expecting '" + region + "'"
		if c.Presigned {
			return s3err.Msg(s3err.AuthorizationQueryParametersError, "Error parsing the X-Amz-Credential parameter; "+message).With("Region", region)
		}
		return s3err.Msg(s3err.AuthorizationHeaderMalformed, "The authorization header is malformed; "+message).With("Region", region)
	}
	if c.Time.UTC().Format(dateFormat) != c.Date {
		return s3err.Msg(s3err.SignatureDoesNotMatch, "The date of the credential's scope is not that of the request.")
	}
	return nil
}

func (c *Claim) checkExpiry(now time.Time) error {
	if c.Time.After(now.Add(MaxSkew)) {
		return s3err.Msg(s3err.AccessDenied, "Request is not yet valid").
			With("ServerTime", now.UTC().Format(time.RFC3339))
	}
	if end := c.Time.Add(c.Expires); now.After(end) {
		return s3err.Msg(s3err.AccessDenied, "Request has expired").
			With("X-Amz-Expires", strconv.Itoa(int(c.Expires/time.Second))).
			With("Expires", end.UTC().Format(time.RFC3339)).
			With("ServerTime", now.UTC().Format(time.RFC3339))
	}
	return nil
}

// Verify checks the signature with the secret of the claimed access key and
// that every x-amz-* header is signed. The result verifies a streamed body. The
// claim's scope should have been checked before: its key is remembered in keys.
func (c *Claim) Verify(r *Request, keys *Keys, secret string) (*Signer, error) {
	if missing := r.unsigned(c.signedHeaders); len(missing) > 0 {
		return nil, s3err.Msg(s3err.AccessDenied, "There were headers present in the request which were not signed").
			With("HeadersNotSigned", strings.Join(missing, ", "))
	}
	canonical := r.appendCanonical(make([]byte, 0, 1024), c.signedHeaders, string(c.Payload))
	s := &Signer{key: keys.signing(secret, c.Scope), scope: c.Scope.String(), time: c.Time.UTC().Format(timeFormat)}
	sum := sha256.Sum256(canonical)
	toSign := algorithm + "\n" + s.time + "\n" + s.scope + "\n" + hex.EncodeToString(sum[:])
	s.previous = s.sign(toSign)
	if !equal(s.previous, c.signature) {
		return nil, s3err.New(s3err.SignatureDoesNotMatch).
			With("AWSAccessKeyId", c.AccessKey).
			With("StringToSign", toSign).
			With("SignatureProvided", c.signature).
			With("CanonicalRequest", string(canonical))
	}
	return s, nil
}

// Signer holds the key of a verified request and the signature that the next
// chunk's builds upon.
type Signer struct {
	key      []byte
	scope    string
	time     string
	previous string
}

// sign returns the signature of a string in hex.
func (s *Signer) sign(toSign string) string {
	return hex.EncodeToString(hmacSHA256(s.key, toSign))
}

// next checks the signature of the next link of a streamed body and moves on.
func (s *Signer) next(kind, hashes, signature string) error {
	toSign := algorithm + kind + "\n" + s.time + "\n" + s.scope + "\n" + s.previous + "\n" + hashes
	s.previous = s.sign(toSign)
	if !equal(s.previous, signature) {
		return s3err.New(s3err.SignatureDoesNotMatch).With("StringToSign", toSign).With("SignatureProvided", signature)
	}
	return nil
}

func equal(a, b string) bool { return hmac.Equal([]byte(a), []byte(b)) }

func hmacSHA256(key []byte, s string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(s))
	return h.Sum(nil)
}
