package objectapi

import (
	"context"
	"errors"
	"net/http"
	"time"

	"cairn/objectapi/s3err"
	"cairn/store"
)

const (
	// deleteTimeout bounds the deletion of a bucket, which goes on when its
	// client has gone.
	deleteTimeout = 5 * time.Minute
	// resumeEvery is how often deletions that hang are looked for. One that
	// looks the same twice is older than any that still runs.
	resumeEvery = deleteTimeout + time.Minute
)

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

// runResumes finishes the deletions that processes left when they died, until
// ctx ends.
func (g *Gateway) runResumes(ctx context.Context) {
	defer g.running.Done()
	ticker := time.NewTicker(resumeEvery)
	defer ticker.Stop()
	var seen map[string]uint64
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		var err error
		if seen, err = g.resumeDeletes(ctx, seen); err != nil && ctx.Err() == nil {
			g.observer.log.Warn("finishing the deletion of buckets failed; it is tried again", "cause", err)
		}
	}
}

// resumeDeletes finishes, or takes back, the deletion of every bucket that was
// in it at the last look, with the same generation. It returns what it saw for
// the next look, and the first error, behind which it goes on.
func (g *Gateway) resumeDeletes(ctx context.Context, seen map[string]uint64) (now map[string]uint64, first error) {
	now = map[string]uint64{}
	after := ""
	for {
		page, err := g.store.ListNames(ctx, store.NameBucket, "", after, namesPage)
		if err != nil {
			return seen, err
		}
		for _, entry := range page {
			after = entry.Name
			if entry.State != store.NameDeleting {
				continue
			}
			now[entry.Name] = entry.Gen
			if seen[entry.Name] != entry.Gen {
				continue
			}
			err := g.removeBucket(ctx, entry)
			if err != nil && toS3(err).Code != s3err.BucketNotEmpty && first == nil {
				first = err
			}
		}
		if len(page) < namesPage {
			return now, first
		}
	}
}
