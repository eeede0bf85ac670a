package sigv4

import (
	"time"

	"cairn/objectapi/s3err"
)

// ParseForm reads the claim of a POST form from its fields x-amz-algorithm,
// x-amz-credential, x-amz-date and x-amz-signature.
func ParseForm(algo, credential, date, signature string) (*Claim, error) {
	if algo != algorithm {
		return nil, badField("x-amz-algorithm", algo, "must be AWS4-HMAC-SHA256")
	}
	c := &Claim{Payload: Unsigned, signature: signature}
	var ok bool
	if c.AccessKey, c.Scope, ok = parseCredential(credential); !ok {
		return nil, badField("x-amz-credential", credential, "must be KEY/YYYYMMDD/REGION/SERVICE/aws4_request")
	}
	var err error
	if c.Time, err = time.Parse(timeFormat, date); err != nil {
		return nil, badField("x-amz-date", date, "must be a date of the form YYYYMMDD'T'HHMMSS'Z'")
	}
	return c, nil
}

func badField(name, value, message string) error {
	return s3err.Msg(s3err.InvalidArgument, "The form field "+name+" "+message).
		With("ArgumentName", name).With("ArgumentValue", value)
}

// VerifyPolicy checks the signature of a POST form. The policy is signed as it
// stands in the form, in base64.
func (c *Claim) VerifyPolicy(policy, secret string) error {
	s := &Signer{key: signingKey(secret, c.Scope)}
	if !equal(s.sign(policy), c.signature) {
		return s3err.New(s3err.SignatureDoesNotMatch).
			With("AWSAccessKeyId", c.AccessKey).
			With("StringToSign", policy).
			With("SignatureProvided", c.signature)
	}
	return nil
}
