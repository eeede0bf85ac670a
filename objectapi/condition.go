package objectapi

import (
	"net/http"
	"strings"
	"time"

	"cairn/objectapi/machine"
	"cairn/objectapi/s3err"
)

// readCondition is what a reader wants of the object it reads. The zero value
// wants nothing.
// Source: RFC 9110 13.2.2, https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html
type readCondition struct {
	match, noneMatch     string
	modified, unmodified time.Time // zero: not asked
	copying              bool      // all failures are 412
}

// readCondition reads the conditional headers of a GET.
func (q *request) readCondition() readCondition {
	return readCondition{
		match: q.header("If-Match"), noneMatch: q.header("If-None-Match"),
		modified: q.dateHeader("If-Modified-Since"), unmodified: q.dateHeader("If-Unmodified-Since"),
	}
}

// copyCondition reads those of a copy, which are about its source.
func (q *request) copyCondition() readCondition {
	const p = "X-Amz-Copy-Source-If-"
	return readCondition{
		match: q.header(p + "Match"), noneMatch: q.header(p + "None-Match"),
		modified: q.dateHeader(p + "Modified-Since"), unmodified: q.dateHeader(p + "Unmodified-Since"),
		copying: true,
	}
}

// dateHeader returns a date; one that is none does not count, as RFC 9110 has it.
func (q *request) dateHeader(name string) time.Time {
	v := q.header(name)
	if v == "" {
		return time.Time{}
	}
	t, err := http.ParseTime(v)
	if err != nil {
		return time.Time{}
	}
	return t
}

// check returns nil if c holds of the object, else PreconditionFailed or
// NotModified. ETag conditions win over dates.
func (c *readCondition) check(rec *machine.Record) error {
	modified := rec.Modified.Std().Truncate(time.Second)
	switch {
	case c.match != "":
		if !etagListed(c.match, rec.ETag()) {
			return failed("If-Match")
		}
	case !c.unmodified.IsZero() && modified.After(c.unmodified):
		return failed("If-Unmodified-Since")
	}
	switch {
	case c.noneMatch != "":
		if etagListed(c.noneMatch, rec.ETag()) {
			return c.notModified(rec, "If-None-Match")
		}
	case !c.modified.IsZero() && !modified.After(c.modified):
		return c.notModified(rec, "If-Modified-Since")
	}
	return nil
}

// rangeHolds reports whether a Range is to be answered: the object is still the
// one that If-Range, if it is there, names by entity tag or by date.
// Source: RFC 9110 13.1.5; the comparison is strong.
func (q *request) rangeHolds(rec *machine.Record) bool {
	v := q.header("If-Range")
	if v == "" {
		return true
	}
	if t, err := http.ParseTime(v); err == nil {
		return t.Equal(rec.Modified.Std().Truncate(time.Second))
	}
	return !strings.HasPrefix(v, "W/") && bareETag(v) == rec.ETag()
}

func failed(header string) error {
	return s3err.New(s3err.PreconditionFailed).With("Condition", header)
}

func (c *readCondition) notModified(rec *machine.Record, header string) error {
	if c.copying {
		return failed(header)
	}
	return s3err.New(s3err.NotModified).
		WithHeader("ETag", quoted(rec.ETag())).
		WithHeader("Last-Modified", httpTime(rec.Modified.Std()))
}

// etagListed reports whether a list of entity tags has etag, or is "*". Quotes
// may be missing and tags may be weak.
func etagListed(list, etag string) bool {
	for tag := range strings.SplitSeq(list, ",") {
		if tag = bareETag(tag); tag == "*" || tag == etag {
			return true
		}
	}
	return false
}

// bareETag takes white space, weakness and quotes off an entity tag.
func bareETag(s string) string {
	s = strings.TrimPrefix(strings.TrimSpace(s), "W/")
	return strings.TrimSuffix(strings.TrimPrefix(s, `"`), `"`)
}

func quoted(etag string) string { return `"` + etag + `"` }

func httpTime(t time.Time) string { return t.UTC().Format(http.TimeFormat) }

// writeCondition reads the conditions of a PUT, copy or Complete, which the
// command evaluates.
func (q *request) writeCondition() (machine.Cond, error) {
	var c machine.Cond
	if v := q.header("If-None-Match"); v != "" {
		if c.Absent = v == "*"; !c.Absent {
			c.NotETag = bareETag(v)
		}
	}
	c.ETag = bareETag(q.header("If-Match"))
	if (c.Absent || c.NotETag != "") && c.ETag != "" {
		return c, invalidRequest("If-Match and If-None-Match cannot both be given.")
	}
	return c, nil
}
