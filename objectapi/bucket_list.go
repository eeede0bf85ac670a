package objectapi

import (
	"strconv"
	"strings"

	"cairn/objectapi/s3xml"
	"cairn/store"
)

const (
	// namesPage is how many names are listed at a time.
	namesPage = 1000
	// maxBuckets is the most that max-buckets may ask for.
	maxBuckets = 10_000
)

// listBuckets answers ListBuckets: all of the caller's, or a page if the caller
// asks for one.
func (q *request) listBuckets() error {
	prefix := q.query.Get("prefix")
	limit, paged := maxBuckets, false
	if v := q.query.Get("max-buckets"); v != "" {
		n, err := strconv.Atoi(v)
		if err != nil || n < 1 || n > maxBuckets {
			return invalidArgument("max-buckets", v, "Argument max-buckets must be an integer between 1 and 10000")
		}
		limit, paged = n, true
	}
	after := before(prefix)
	if token := q.query.Get("continuation-token"); token != "" {
		name, err := parseToken(token)
		if err != nil {
			return invalidArgument("continuation-token", token, "The continuation token provided is incorrect")
		}
		after = max(after, name)
	}
	if r := q.query.Get("bucket-region"); r != "" && r != q.g.region {
		limit = 0
	}
	buckets, more, err := q.bucketsAfter(after, prefix, limit)
	if err != nil {
		return err
	}
	w := s3xml.NewWriter("ListAllMyBucketsResult")
	q.ownerElement(w, "Owner")
	w.Open("Buckets")
	for _, b := range buckets {
		w.Open("Bucket")
		w.Text("Name", b.Name)
		w.Time("CreationDate", b.Created.Std())
		w.Text("BucketRegion", q.g.region)
		w.Close()
	}
	w.Close()
	w.TextIf("Prefix", prefix)
	if paged && more {
		w.Text("ContinuationToken", makeToken(buckets[len(buckets)-1].Name))
	}
	return q.replyXML(w)
}

// bucketsAfter returns up to limit of the caller's buckets behind a name, and
// whether there are more.
func (q *request) bucketsAfter(after, prefix string, limit int) (out []store.Name, more bool, err error) {
	for {
		page, err := q.g.store.ListNames(q.ctx(), store.NameBucket, q.owner(), after, namesPage)
		if err != nil {
			return nil, false, err
		}
		for _, n := range page {
			switch {
			case !strings.HasPrefix(n.Name, prefix):
				return out, false, nil
			case len(out) == limit:
				return out, true, nil
			}
			out = append(out, n)
			after = n.Name
		}
		if len(page) < namesPage {
			return out, false, nil
		}
	}
}

// before returns a name right before all bucket names that begin with prefix.
func before(prefix string) string {
	if prefix == "" {
		return ""
	}
	last := len(prefix) - 1
	return prefix[:last] + string(prefix[last]-1) + "~"
}
