package objectapi

import (
	"context"
	"errors"
	"net/http"
	"time"

	"cairn/objectapi/s3err"
	"cairn/store"
)

// deleteTimeout bounds the deletion of a bucket, which goes on when its client
// has gone.
const deleteTimeout = 5 * time.Minute

// deleteBucket answers DeleteBucket.
func (q *request) deleteBucket() error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(q.ctx()), deleteTimeout)
	defer cancel()
	entry, err := q.g.store.ReadName(ctx, store.NameBucket, q.bucket)
	if err != nil {
		return bucketGone(err)
	}
	if entry.Owner != q.owner() {
		return s3err.New(s3err.AccessDenied)
	}
	if err := q.g.removeBucket(ctx, entry); err != nil {
		return err
	}
	return q.reply(http.StatusNoContent)
}

// removeBucket runs the steps of a deletion that the package's comment
// describes. The generation that the first step gives is the right to do the
// others: whoever marks the bucket anew takes the deletion over, and the one
// before finds its compare-and-swap refused and stops.
func (g *Gateway) removeBucket(ctx context.Context, entry store.Name) error {
	entry.State = store.NameDeleting
	entry, err := g.store.UpdateName(ctx, entry)
	if err != nil {
		return bucketGone(err)
	}
	err = g.objects.Seal(ctx, bucketNS(entry))
	if store.Is(err, store.KindNotEmpty) {
		entry.State = store.NameActive
		if _, uerr := g.store.UpdateName(ctx, entry); uerr != nil && !store.Is(uerr, store.KindConflict) {
			return errors.Join(uerr, err)
		}
		return s3err.New(s3err.BucketNotEmpty)
	}
	if err != nil {
		return err
	}
	return bucketGone(g.store.DeleteName(ctx, store.NameBucket, entry.Name, entry.Gen))
}

// bucketGone gives the registry's errors about a bucket their S3 form.
func bucketGone(err error) error {
	switch {
	case store.Is(err, store.KindNotFound):
		return s3err.New(s3err.NoSuchBucket)
	case store.Is(err, store.KindConflict):
		return s3err.New(s3err.OperationAborted)
	}
	return err
}

// ResumeDeletes finishes, or takes back, the deletions of buckets that a process
// left when it died. A node calls it at its start. It returns the first error,
// and goes on behind it.
func (g *Gateway) ResumeDeletes(ctx context.Context) error {
	var first error
	after := ""
	for {
		page, err := g.store.ListNames(ctx, store.NameBucket, "", after, namesPage)
		if err != nil {
			return err
		}
		for _, entry := range page {
			after = entry.Name
			if entry.State != store.NameDeleting {
				continue
			}
			err := g.removeBucket(ctx, entry)
			if err != nil && toS3(err).Code != s3err.BucketNotEmpty && first == nil {
				first = err
			}
		}
		if len(page) < namesPage {
			return first
		}
	}
}
