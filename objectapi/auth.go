package objectapi

import (
	"cairn/objectapi/s3err"
	"cairn/objectapi/sigv4"
	"cairn/store"
)

// authenticate finds out who sent the request. It leaves q.who nil only for a
// request without any form of authentication; what is signed and cannot be
// verified fails here.
func (q *request) authenticate() error {
	r := q.sigRequest()
	claim, err := sigv4.Parse(r)
	if err != nil || claim == nil {
		return err
	}
	if err := claim.Check(q.g.region, service, q.g.now()); err != nil {
		return err
	}
	secret, err := q.identify(claim)
	if err != nil {
		return err
	}
	if q.signer, err = claim.Verify(r, &q.g.keys, secret); err != nil {
		q.who = nil
		return err
	}
	q.claim = claim
	return nil
}

// identify sets q.who to the owner of the claimed access key, which is not
// verified yet, and returns the key's secret.
func (q *request) identify(c *sigv4.Claim) (secret string, err error) {
	if c.Token != "" {
		return "", s3err.New(s3err.InvalidToken)
	}
	who, err := q.g.iam.Authenticate(q.ctx(), c.AccessKey)
	if store.Is(err, store.KindNotFound) {
		return "", s3err.New(s3err.InvalidAccessKeyID).With("AWSAccessKeyId", c.AccessKey)
	}
	if err != nil {
		return "", err
	}
	q.who = who
	return who.Secret, nil
}
