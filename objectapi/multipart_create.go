package objectapi

import (
	"net/http"

	"cairn/objectapi/checksum"
	"cairn/objectapi/machine"
	"cairn/objectapi/s3xml"
)

// createUpload answers CreateMultipartUpload. An upload whose maker names no
// checksum gets CRC64NVME over the full object, as S3 does.
func (q *request) createUpload() error {
	meta, err := q.metadata(q.r.Header)
	if err != nil {
		return err
	}
	alg, typ, err := q.uploadChecksum()
	if err != nil {
		return err
	}
	u := &machine.Upload{Meta: meta, Algorithm: alg, Type: typ}
	if alg == checksum.None {
		u.Algorithm, u.Type = checksum.CRC64NVME, checksum.FullObject
	}
	id, err := q.g.objects.CreateUpload(q.ctx(), q.ns, q.key, u)
	if err != nil {
		return err
	}
	q.set("x-amz-checksum-algorithm", alg.String())
	q.set("x-amz-checksum-type", typ.String())
	w := s3xml.NewWriter("InitiateMultipartUploadResult")
	w.Text("Bucket", q.bucket)
	w.Text("Key", q.key)
	w.Text("UploadId", id.String())
	return q.replyXML(w)
}

// uploadChecksum reads the checksum that an upload's maker wants.
func (q *request) uploadChecksum() (checksum.Algorithm, checksum.Type, error) {
	name, typeName := q.header("X-Amz-Checksum-Algorithm"), q.header("X-Amz-Checksum-Type")
	alg, typ := checksum.Parse(name), checksum.ParseType(typeName)
	switch {
	case name != "" && alg == checksum.None:
		return 0, 0, invalidRequest("Checksum algorithm provided is unsupported. Please try again with any of the valid types: [CRC32, CRC32C, CRC64NVME, SHA1, SHA256]")
	case typeName != "" && typ == checksum.NoType:
		return 0, 0, invalidRequest("Value for x-amz-checksum-type header is invalid.")
	case alg == checksum.None && typ != checksum.NoType:
		return 0, 0, invalidRequest("The x-amz-checksum-type header can only be used with the x-amz-checksum-algorithm header.")
	case alg == checksum.None:
		return checksum.None, checksum.NoType, nil
	case typ == checksum.NoType:
		typ = alg.DefaultType()
	}
	if !typ.Allows(alg) {
		return 0, 0, invalidRequest("The %s checksum type cannot be used with the %s checksum algorithm.", typ, alg)
	}
	return alg, typ, nil
}

// uploadID reads the uploadId parameter.
func (q *request) uploadID() (machine.UploadID, error) {
	return machine.ParseUploadID(q.query.Get("uploadId"))
}

// abortUpload answers AbortMultipartUpload.
func (q *request) abortUpload() error {
	id, err := q.uploadID()
	if err != nil {
		return err
	}
	left, err := q.g.objects.Abort(q.ctx(), q.ns, q.key, id)
	if err != nil {
		return err
	}
	q.drainSoon(left)
	return q.reply(http.StatusNoContent)
}
