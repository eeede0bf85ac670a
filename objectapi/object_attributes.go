package objectapi

import (
	"strings"

	"cairn/objectapi/checksum"
	"cairn/objectapi/machine"
	"cairn/objectapi/s3xml"
)

// getObjectAttributes answers GetObjectAttributes.
func (q *request) getObjectAttributes() error {
	if err := q.checkVersion(); err != nil {
		return err
	}
	wanted, err := q.wantedAttributes()
	if err != nil {
		return err
	}
	limit, after := machine.MaxPage, 0
	if v := q.header("X-Amz-Max-Parts"); v != "" {
		if limit, err = q.markerParam("x-amz-max-parts", v); err != nil {
			return err
		}
		limit = min(limit, machine.MaxPage)
	}
	if after, err = q.markerParam("x-amz-part-number-marker", q.header("X-Amz-Part-Number-Marker")); err != nil {
		return err
	}
	if !wanted["ObjectParts"] {
		limit = 0
	}
	rec, parts, more, err := q.g.objects.ObjectParts(q.ctx(), q.ns, q.key, after, limit)
	if err != nil {
		return err
	}
	w := s3xml.NewWriter("GetObjectAttributesResponse")
	attributeElements(w, rec, wanted)
	if wanted["ObjectParts"] && rec.Parts > 0 {
		objectParts(w, rec, parts, after, limit, more)
	}
	if wanted["StorageClass"] {
		w.Text("StorageClass", shownClass(rec.StorageClass))
	}
	if wanted["ObjectSize"] {
		w.Int("ObjectSize", rec.Size)
	}
	q.set("Last-Modified", httpTime(rec.Modified.Std()))
	return q.replyXML(w)
}

// wantedAttributes reads x-amz-object-attributes, a list in one header or many.
func (q *request) wantedAttributes() (map[string]bool, error) {
	wanted := map[string]bool{}
	list := strings.Join(q.r.Header.Values("X-Amz-Object-Attributes"), ",")
	for name := range strings.SplitSeq(list, ",") {
		switch name = strings.TrimSpace(name); name {
		case "ETag", "Checksum", "ObjectParts", "StorageClass", "ObjectSize":
			wanted[name] = true
		default:
			return nil, invalidArgument("x-amz-object-attributes", list, "Invalid attribute name specified.")
		}
	}
	return wanted, nil
}

func attributeElements(w *s3xml.Writer, rec *machine.Record, wanted map[string]bool) {
	if wanted["ETag"] {
		w.Text("ETag", rec.ETag()) // here without quotes
	}
	if wanted["Checksum"] && rec.Checksum.Algorithm != checksum.None {
		w.Open("Checksum")
		checksumElements(w, rec.Checksum, rec.Parts)
		w.Close()
	}
}

func objectParts(w *s3xml.Writer, rec *machine.Record, parts []machine.Part, after, limit int, more bool) {
	w.Open("ObjectParts")
	w.Int("PartsCount", int64(rec.Parts))
	w.Int("PartNumberMarker", int64(after))
	if len(parts) > 0 {
		w.Int("NextPartNumberMarker", int64(parts[len(parts)-1].Number))
	}
	w.Int("MaxParts", int64(limit))
	w.Bool("IsTruncated", more)
	for i := range parts {
		w.Open("Part")
		w.Int("PartNumber", int64(parts[i].Number))
		w.Int("Size", parts[i].Size)
		partChecksum(w, parts[i].Algorithm, parts[i].Sum)
		w.Close()
	}
	w.Close()
}
