package objectapi

import (
	"strconv"

	"cairn/objectapi/checksum"
	"cairn/objectapi/machine"
	"cairn/objectapi/s3xml"
)

// listParts answers ListParts.
func (q *request) listParts() error {
	id, err := q.uploadID()
	if err != nil {
		return err
	}
	limit, err := q.limitParam("max-parts")
	if err != nil {
		return err
	}
	after, err := q.markerParam("part-number-marker", q.query.Get("part-number-marker"))
	if err != nil {
		return err
	}
	up, parts, more, err := q.g.objects.ListParts(q.ctx(), q.ns, q.key, id, after, limit)
	if err != nil {
		return err
	}
	w := s3xml.NewWriter("ListPartsResult")
	w.Text("Bucket", q.bucket)
	w.Text("Key", q.key)
	w.Text("UploadId", id.String())
	q.ownerElement(w, "Initiator")
	q.ownerElement(w, "Owner")
	w.Text("StorageClass", shownClass(up.StorageClass))
	w.TextIf("ChecksumAlgorithm", up.Algorithm.String())
	w.TextIf("ChecksumType", up.Type.String())
	w.Int("PartNumberMarker", int64(after))
	if len(parts) > 0 {
		w.Int("NextPartNumberMarker", int64(parts[len(parts)-1].Number))
	}
	w.Int("MaxParts", int64(limit))
	w.Bool("IsTruncated", more)
	for i := range parts {
		partElement(w, &parts[i])
	}
	return q.replyXML(w)
}

func partElement(w *s3xml.Writer, p *machine.Part) {
	w.Open("Part")
	w.Int("PartNumber", int64(p.Number))
	w.Time("LastModified", p.Modified.Std())
	w.Text("ETag", quoted(p.ETag()))
	w.Int("Size", p.Size)
	partChecksum(w, p.Algorithm, p.Sum)
	w.Close()
}

// markerParam reads the number of the part that a page begins behind.
func (q *request) markerParam(name, v string) (int, error) {
	if v == "" {
		return 0, nil
	}
	n, err := strconv.ParseInt(v, 10, 32)
	if err != nil || n < 0 {
		return 0, invalidArgument(name, v, "Argument "+name+" must be an integer between 0 and 2147483647")
	}
	return int(n), nil
}

// listUploads answers ListMultipartUploads.
func (q *request) listUploads() error {
	l, err := q.listing("max-uploads", "key-marker")
	if err != nil {
		return err
	}
	var after machine.UploadID
	marker := q.query.Get("upload-id-marker")
	if marker != "" && l.after != "" {
		if after, err = machine.ParseUploadID(marker); err != nil {
			return invalidArgument("upload-id-marker", marker, "Invalid uploadId marker")
		}
	}
	page, err := q.g.objects.ListUploads(q.ctx(), q.ns, machine.ListUploads{
		Prefix: l.prefix, Delimiter: l.delimiter, After: l.after, AfterID: after, Max: l.limit,
	})
	if err != nil {
		return err
	}
	w := s3xml.NewWriter("ListMultipartUploadsResult")
	w.Text("Bucket", q.bucket)
	l.text(w, "KeyMarker", l.after)
	w.Text("UploadIdMarker", marker)
	if page.More {
		l.text(w, "NextKeyMarker", page.Next)
		if page.NextID != (machine.UploadID{}) {
			w.Text("NextUploadIdMarker", page.NextID.String())
		}
	}
	l.head(w, "MaxUploads", page.More)
	for i := range page.Entries {
		q.uploadElement(w, l, &page.Entries[i])
	}
	l.prefixes(w, page.Prefixes)
	return q.replyXML(w)
}

func (q *request) uploadElement(w *s3xml.Writer, l *listing, u *machine.UploadEntry) {
	w.Open("Upload")
	l.text(w, "Key", u.Key)
	w.Text("UploadId", u.ID.String())
	q.ownerElement(w, "Initiator")
	q.ownerElement(w, "Owner")
	w.Text("StorageClass", shownClass(u.StorageClass))
	w.Time("Initiated", u.Initiated.Std())
	if u.Algorithm != checksum.None {
		w.Text("ChecksumAlgorithm", u.Algorithm.String())
		w.Text("ChecksumType", u.Type.String())
	}
	w.Close()
}
