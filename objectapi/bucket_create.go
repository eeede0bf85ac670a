package objectapi

import (
	"net/http"

	"cairn/objectapi/s3err"
	"cairn/objectapi/s3xml"
	"cairn/store"
)

// ownerEnforced is the one object ownership that buckets have.
const ownerEnforced = "BucketOwnerEnforced"

// classicRegion is the region that keeps S3's first habits.
const classicRegion = "us-east-1"

// createBucket answers CreateBucket.
func (q *request) createBucket() error {
	if err := q.checkBucketHeaders(); err != nil {
		return err
	}
	attrs, err := q.readConfiguration()
	if err != nil {
		return err
	}
	entry, err := q.g.store.CreateName(q.ctx(), store.Name{
		Kind: store.NameBucket, Name: q.bucket, Owner: q.owner(), Attrs: attrs.encode(),
	})
	switch {
	case store.Is(err, store.KindExists) && entry.Owner != q.owner():
		return s3err.New(s3err.BucketAlreadyExists)
	case store.Is(err, store.KindExists) && entry.State == store.NameDeleting:
		return s3err.Msg(s3err.OperationAborted, "The bucket is being deleted. Try again when it is gone.")
	case store.Is(err, store.KindExists) && q.g.region != classicRegion:
		return s3err.New(s3err.BucketAlreadyOwnedByYou)
	case store.Is(err, store.KindExists):
		// Nothing to do: in this region S3 lets an owner create a bucket again.
	case err != nil:
		return err
	}
	q.set("Location", "/"+q.bucket)
	return q.reply(http.StatusOK)
}

func (q *request) checkBucketHeaders() error {
	if err := checkACLHeaders(q.r.Header); err != nil {
		return err
	}
	if v := q.header("X-Amz-Object-Ownership"); v != "" && v != ownerEnforced {
		return notImplemented("Object ownership other than " + ownerEnforced)
	}
	if v := q.header("X-Amz-Bucket-Object-Lock-Enabled"); v != "" && v != "false" {
		return notImplemented("Object Lock")
	}
	if v := q.header("X-Amz-Bucket-Namespace"); v != "" && v != "global" {
		return notImplemented("A namespace of buckets other than global")
	}
	return nil
}

// readConfiguration reads the document of a creation. It accepts a location
// that is the gateway's region, and tags.
func (q *request) readConfiguration() (attrs bucketAttrs, err error) {
	doc, err := q.readDocument(false)
	if err != nil || len(doc) == 0 {
		return attrs, err
	}
	root, err := s3xml.Parse(doc)
	if err != nil || root.Name != "CreateBucketConfiguration" {
		return attrs, s3err.New(s3err.MalformedXML).Because(err)
	}
	for _, n := range root.Children {
		switch at := root.Trimmed("LocationConstraint"); {
		case n.Name == "LocationConstraint" && at != "" && at != q.g.region:
			return attrs, s3err.New(s3err.InvalidLocationConstraint).With("LocationConstraint", at)
		case n.Name == "LocationConstraint":
		case n.Name == "Tags":
			if attrs.tags, err = parseTags(n, maxBucketTags, "Bucket"); err != nil {
				return attrs, err
			}
		default:
			return attrs, notImplemented("A bucket's " + n.Name)
		}
	}
	return attrs, nil
}

// headBucket answers HeadBucket.
func (q *request) headBucket() error {
	q.set("x-amz-bucket-region", q.g.region)
	return q.reply(http.StatusOK)
}

// getLocation answers GetBucketLocation. us-east-1 is told as nothing.
func (q *request) getLocation() error {
	w := s3xml.NewWriter("LocationConstraint")
	if q.g.region != classicRegion {
		w.Chars(q.g.region)
	}
	return q.replyXML(w)
}
