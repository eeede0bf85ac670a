package objectapi

import (
	"cairn/objectapi/s3err"
	"cairn/store"
)

// scope says what must be checked before an operation runs.
type scope uint8

const (
	scopeAnyone  scope = iota // nothing: the operation authenticates by itself
	scopeUser                 // the caller is known
	scopeRead                 // and owns the bucket
	scopeWrite                // and the bucket is not being deleted
	scopeNewName              // the caller is known and the bucket's name is good
)

// authorize refuses a caller that may not run the operation, and looks up the
// bucket. A bucket is private to its owner.
func (q *request) authorize() error {
	if q.op.scope == scopeAnyone {
		return nil
	}
	if q.op.scope == scopeUser {
		return q.requireUser()
	}
	if !validBucketName(q.bucket) {
		return s3err.New(s3err.InvalidBucketName)
	}
	if q.op.scope == scopeNewName {
		return q.requireUser()
	}
	return q.openBucket(q.op.scope == scopeWrite)
}

func (q *request) requireUser() error {
	if q.who == nil {
		return s3err.New(s3err.AccessDenied)
	}
	return nil
}

// openBucket looks up the request's bucket and checks that the caller may use
// it.
func (q *request) openBucket(write bool) error {
	entry, err := q.lookupBucket(q.bucket)
	if err != nil {
		return err
	}
	if err := q.checkOwner("x-amz-expected-bucket-owner", entry); err != nil {
		return err
	}
	if write && entry.State == store.NameDeleting {
		return s3err.Msg(s3err.OperationAborted, "The bucket is being deleted.")
	}
	q.entry, q.ns = entry, bucketNS(entry)
	return nil
}

// checkOwner refuses a bucket that is not of the owner the header names.
func (q *request) checkOwner(header string, entry store.Name) error {
	if want := q.header(header); want != "" && want != entry.Owner {
		return s3err.New(s3err.AccessDenied)
	}
	return nil
}

// lookupBucket returns a bucket that the caller owns.
func (q *request) lookupBucket(name string) (store.Name, error) {
	entry, err := q.g.store.Lookup(q.ctx(), store.NameBucket, name)
	if store.Is(err, store.KindNotFound) {
		return entry, s3err.New(s3err.NoSuchBucket)
	}
	if err != nil {
		return entry, err
	}
	if q.who == nil || entry.Owner != q.owner() {
		return entry, s3err.New(s3err.AccessDenied).WithHeader("x-amz-bucket-region", q.g.region)
	}
	return entry, nil
}

// bucketNS returns the namespace of a bucket.
func bucketNS(entry store.Name) store.NS { return store.MakeNS(store.KindObject, entry.ID) }
