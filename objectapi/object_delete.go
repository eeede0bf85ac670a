package objectapi

import (
	"net/http"
	"strconv"
	"sync"
	"time"

	"cairn/objectapi/machine"
	"cairn/objectapi/s3err"
	"cairn/objectapi/s3xml"
	"cairn/store"
)

const (
	// maxDeletes is how many keys one DeleteObjects may name.
	maxDeletes = 1000
	// deleting is how many of them are deleted at a time.
	deleting = 16
)

// deleteObject answers DeleteObject.
func (q *request) deleteObject() error {
	if err := q.checkVersion(); err != nil {
		return err
	}
	cond, err := deleteCondition(q.header("If-Match"), q.header("X-Amz-If-Match-Size"), q.header("X-Amz-If-Match-Last-Modified-Time"))
	if err != nil {
		return err
	}
	d, err := q.g.objects.Delete(q.ctx(), q.ns, q.key, cond)
	if err != nil {
		return err
	}
	q.drainSoon(d.Drain)
	return q.reply(http.StatusNoContent)
}

// deleteCondition makes the condition of a delete of its printed forms; empty
// ones do not count.
func deleteCondition(etag, size, modified string) (c machine.Cond, err error) {
	c.ETag = bareETag(etag)
	if size != "" {
		n, err := strconv.ParseInt(size, 10, 64)
		if err != nil || n < 0 {
			return c, invalidArgument("x-amz-if-match-size", size, "The size must be a number")
		}
		c.Size = &n
	}
	if modified != "" {
		t, err := parseTime(modified)
		if err != nil {
			return c, invalidArgument("x-amz-if-match-last-modified-time", modified, "The time is not valid")
		}
		at := store.TimeOf(t)
		c.Modified = &at
	}
	return c, nil
}

// parseTime reads a time in the form of HTTP or of ISO 8601.
func parseTime(s string) (time.Time, error) {
	if t, err := http.ParseTime(s); err == nil {
		return t, nil
	}
	return time.Parse(time.RFC3339, s)
}

// toDelete is one entry of a DeleteObjects request, and what became of it.
type toDelete struct {
	key     string
	version string
	cond    machine.Cond
	err     error
}

// deleteObjects answers DeleteObjects.
func (q *request) deleteObjects() error {
	doc, err := q.readDocument(true)
	if err != nil {
		return err
	}
	entries, quiet, err := parseDelete(doc)
	if err != nil {
		return err
	}
	q.deleteAll(entries)
	w := s3xml.NewWriter("DeleteResult")
	for i := range entries {
		q.deleteElement(w, &entries[i], quiet)
	}
	return q.replyXML(w)
}

func parseDelete(doc []byte) (entries []toDelete, quiet bool, err error) {
	root, err := s3xml.Parse(doc)
	if err != nil || root.Name != "Delete" {
		return nil, false, s3err.New(s3err.MalformedXML).Because(err)
	}
	for _, n := range root.Children {
		if n.Name != "Object" {
			continue
		}
		e := toDelete{version: n.Trimmed("VersionId")}
		var ok bool
		if e.key, ok = n.Value("Key"); !ok || len(entries) == maxDeletes {
			return nil, false, s3err.New(s3err.MalformedXML)
		}
		e.cond, e.err = deleteCondition(n.Trimmed("ETag"), n.Trimmed("Size"), n.Trimmed("LastModifiedTime"))
		if e.version != "" && e.version != "null" {
			e.err = s3err.New(s3err.NoSuchVersion)
		}
		entries = append(entries, e)
	}
	if len(entries) == 0 {
		return nil, false, s3err.New(s3err.MalformedXML)
	}
	return entries, root.Trimmed("Quiet") == "true", nil
}

// deleteAll deletes all entries that have no error yet.
func (q *request) deleteAll(entries []toDelete) {
	work := make(chan *toDelete)
	var workers sync.WaitGroup
	for range min(deleting, len(entries)) {
		workers.Add(1)
		go func() {
			defer workers.Done()
			for e := range work {
				q.deleteEntry(e)
			}
		}()
	}
	for i := range entries {
		if entries[i].err == nil {
			work <- &entries[i]
		}
	}
	close(work)
	workers.Wait()
}

func (q *request) deleteEntry(e *toDelete) {
	d, err := q.g.objects.Delete(q.ctx(), q.ns, e.key, e.cond)
	e.err = err
	if d.Drain {
		q.g.drainLater(q.ns, e.key)
	}
}

func (q *request) deleteElement(w *s3xml.Writer, e *toDelete, quiet bool) {
	switch {
	case e.err != nil:
		s := toS3(e.err)
		w.Open("Error")
		w.Text("Key", e.key)
		w.TextIf("VersionId", e.version)
		w.Text("Code", string(s.Code))
		w.Text("Message", s.Message)
		w.Close()
	case !quiet:
		w.Open("Deleted")
		w.Text("Key", e.key)
		w.TextIf("VersionId", e.version)
		w.Close()
	}
}
