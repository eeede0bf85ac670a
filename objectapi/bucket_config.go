package objectapi

import (
	"net/http"

	"cairn/objectapi/s3err"
	"cairn/objectapi/s3xml"
)

// answers returns an operation that answers a document which is the same for
// every bucket.
func answers(root string, fill func(*s3xml.Writer)) func(*request) error {
	return func(q *request) error {
		w := s3xml.NewWriter(root)
		if fill != nil {
			fill(w)
		}
		return q.replyXML(w)
	}
}

// absent returns an operation that answers that a configuration is not there.
func absent(code s3err.Code) func(*request) error {
	return func(q *request) error { return s3err.New(code).With("BucketName", q.bucket) }
}

// unlockable answers what is asked of the locks of an object, which no bucket
// allows.
func unlockable(*request) error { return noLocks() }

func noLocks() error { return invalidRequest("Bucket is missing Object Lock Configuration") }

// nothingToDelete answers the deletion of a configuration that no bucket has.
func nothingToDelete(q *request) error { return q.reply(http.StatusNoContent) }

// blocked is the public access block that all buckets behave by.
func blocked(w *s3xml.Writer) {
	for _, flag := range []string{"BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"} {
		w.Bool(flag, true)
	}
}

// ownerPays is who pays for requests to all buckets.
func ownerPays(w *s3xml.Writer) { w.Text("Payer", "BucketOwner") }

// ownership is the ownership that all buckets enforce.
func ownership(w *s3xml.Writer) {
	w.Open("Rule")
	w.Text("ObjectOwnership", ownerEnforced)
	w.Close()
}

// getBucketTagging answers GetBucketTagging.
func (q *request) getBucketTagging() error {
	entry, err := q.g.store.ReadName(q.ctx(), q.entry.Kind, q.bucket)
	if err != nil {
		return bucketGone(err)
	}
	attrs, err := decodeAttrs(entry.Attrs)
	if err != nil {
		return err
	}
	if len(attrs.tags) == 0 {
		return s3err.New(s3err.NoSuchTagSet)
	}
	return q.replyTags(attrs.tags)
}

// putBucketTagging answers PutBucketTagging.
func (q *request) putBucketTagging() error {
	doc, err := q.readDocument(true)
	if err != nil {
		return err
	}
	tags, err := parseTagging(doc, maxBucketTags, "Bucket")
	if err != nil {
		return err
	}
	if err := q.updateAttrs(func(a *bucketAttrs) { a.tags = tags }); err != nil {
		return err
	}
	return q.reply(http.StatusOK)
}

// deleteBucketTagging answers DeleteBucketTagging.
func (q *request) deleteBucketTagging() error {
	if err := q.updateAttrs(func(a *bucketAttrs) { a.tags = nil }); err != nil {
		return err
	}
	return q.reply(http.StatusNoContent)
}

// updateAttrs changes the bucket's settings. A change by another in the meantime
// is OperationAborted.
func (q *request) updateAttrs(change func(*bucketAttrs)) error {
	entry, err := q.g.store.ReadName(q.ctx(), q.entry.Kind, q.bucket)
	if err != nil {
		return bucketGone(err)
	}
	attrs, err := decodeAttrs(entry.Attrs)
	if err != nil {
		return err
	}
	change(&attrs)
	entry.Attrs = attrs.encode()
	_, err = q.g.store.UpdateName(q.ctx(), entry)
	return bucketGone(err)
}
