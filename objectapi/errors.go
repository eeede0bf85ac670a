package objectapi

import (
	"errors"

	"cairn/objectapi/machine"
	"cairn/objectapi/s3err"
	"cairn/objectapi/s3xml"
	"cairn/store"
)

// clientGone is what the log calls a request whose client went away. It is
// never sent.
const clientGone s3err.Code = "ClientGone"

// rule maps one kind and reason of a store.Error to an S3 code. The first that
// fits counts; an empty reason fits all.
type rule struct {
	kind   store.ErrKind
	reason string
	code   s3err.Code
}

// rules is the one table from the engine's errors to S3's. What it does not have
// is InternalError.
var rules = []rule{
	{store.KindNotFound, machine.ReasonBucket, s3err.NoSuchBucket},
	{store.KindNotFound, machine.ReasonKey, s3err.NoSuchKey},
	{store.KindNotFound, machine.ReasonUpload, s3err.NoSuchUpload},
	{store.KindNotEmpty, machine.ReasonBucket, s3err.BucketNotEmpty},
	{store.KindPrecondition, "", s3err.PreconditionFailed},
	{store.KindConflict, "", s3err.OperationAborted},
	{store.KindInvalid, machine.ReasonPart, s3err.InvalidPart},
	{store.KindInvalid, machine.ReasonPartOrder, s3err.InvalidPartOrder},
	{store.KindInvalid, machine.ReasonPartSmall, s3err.EntityTooSmall},
	{store.KindInvalid, machine.ReasonPartList, s3err.MalformedXML},
	{store.KindInvalid, machine.ReasonPartNumber, s3err.InvalidPartNumber},
	{store.KindInvalid, machine.ReasonObjectSize, s3err.InvalidRequest},
	{store.KindInvalid, machine.ReasonChecksum, s3err.BadDigest},
	{store.KindInvalid, machine.ReasonChecksumType, s3err.InvalidRequest},
	{store.KindInvalid, machine.ReasonTags, s3err.InvalidTag},
	{store.KindInvalid, machine.ReasonKey, s3err.InvalidURI},
	{store.KindTooLarge, machine.ReasonKey, s3err.KeyTooLong},
	{store.KindTooLarge, machine.ReasonMetadata, s3err.MetadataTooLarge},
	{store.KindTooLarge, machine.ReasonObject, s3err.EntityTooLarge},
	{store.KindDenied, "", s3err.AccessDenied},
	{store.KindUnavailable, "", s3err.SlowDown},
	{store.KindNoSpace, "", s3err.ServiceUnavailable},
	{store.KindTooOld, "", s3err.RequestTimeout},
	{store.KindCanceled, "", clientGone},
}

// conditions names the header that a precondition came from.
var conditions = map[string]string{
	machine.ReasonExists:   "If-None-Match",
	machine.ReasonETag:     "If-Match",
	machine.ReasonSize:     "x-amz-if-match-size",
	machine.ReasonModified: "x-amz-if-match-last-modified-time",
}

// toS3 returns the S3 form of any error.
func toS3(err error) *s3err.Error {
	var e *s3err.Error
	if errors.As(err, &e) {
		return e
	}
	kind, reason := store.KindOf(err), store.ReasonOf(err)
	code := codeOf(kind, reason)
	e = s3err.New(code).Because(err)
	switch {
	case code == s3err.PreconditionFailed:
		return e.With("Condition", conditions[reason])
	case code == s3err.InvalidRequest || code == s3err.InvalidTag:
		var se *store.Error
		if errors.As(err, &se) && se.Hint != "" {
			e.Message = se.Hint
		}
	case kind == store.KindNoSpace:
		e.Message = "The cluster is out of space. Delete data or add disks."
	}
	return e
}

func codeOf(kind store.ErrKind, reason string) s3err.Code {
	for _, r := range rules {
		if r.kind == kind && (r.reason == reason || r.reason == "") {
			return r.code
		}
	}
	return s3err.InternalError
}

// errorDoc returns the body of an error.
func (q *request) errorDoc(e *s3err.Error) *s3xml.Writer {
	w := s3xml.NewBareWriter("Error")
	q.errorElements(w, e)
	return w
}

func (q *request) errorElements(w *s3xml.Writer, e *s3err.Error) {
	w.Text("Code", string(e.Code))
	w.Text("Message", e.Message)
	for _, f := range e.Fields {
		w.Text(f.Name, f.Value)
	}
	w.TextIf("BucketName", q.bucket)
	w.TextIf("Key", q.key)
	w.TextIf("Resource", q.path)
	w.Text("RequestId", q.id)
	w.Text("HostId", q.hostID())
}
