package objectapi

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"unicode/utf8"

	"cairn/objectapi/checksum"
	"cairn/objectapi/machine"
	"cairn/objectapi/postform"
	"cairn/objectapi/s3err"
	"cairn/objectapi/s3xml"
	"cairn/objectapi/sigv4"
)

// formFraming is what a form may have behind its file.
const formFraming = 1 << 20

// postObject answers a browser's upload. The form carries the authentication,
// so it is checked here, before anything of the file is read.
func (q *request) postObject() error {
	boundary, ok := postform.Boundary(q.r.Header.Get("Content-Type"))
	if !ok {
		return s3err.Msg(s3err.PreconditionFailed, "At least one of the pre-conditions you specified did not hold").
			With("Condition", "Bucket POST must be of the enclosure-type multipart/form-data")
	}
	in := &counted{newWatchedBody(q.r.Body, q.conn, q.g.limits.Stall), &q.received}
	form, err := postform.Read(in, boundary, maxBody+formFraming)
	if err != nil {
		return err
	}
	policy, err := q.authenticateForm(form)
	if err != nil {
		return err
	}
	if err := q.formTarget(form); err != nil {
		return err
	}
	form.Fields["bucket"], form.Fields["key"] = q.bucket, q.key
	if err := policy.Check(form.Fields, q.g.now()); err != nil {
		return err
	}
	return q.postFile(form, policy)
}

// authenticateForm finds out who signed the form's policy. A form without one
// is anonymous, and denied.
func (q *request) authenticateForm(form *postform.Form) (*postform.Policy, error) {
	q.who = nil
	f := form.Fields
	if f["awsaccesskeyid"] != "" || f["signature"] != "" {
		return nil, invalidRequest("The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256.")
	}
	if f["policy"] == "" {
		return nil, s3err.New(s3err.AccessDenied)
	}
	if f["x-amz-signature"] == "" {
		return nil, invalidArgument("x-amz-signature", "", "Bucket POST must contain a field named 'X-Amz-Signature'. If it is specified, please check the order of the fields.")
	}
	claim, err := sigv4.ParseForm(f["x-amz-algorithm"], f["x-amz-credential"], f["x-amz-date"], f["x-amz-signature"])
	if err != nil {
		return nil, err
	}
	if err := claim.CheckScope(q.g.region, service); err != nil {
		return nil, err
	}
	claim.Token = f["x-amz-security-token"]
	secret, err := q.identify(claim)
	if err != nil {
		return nil, err
	}
	if err := claim.VerifyPolicy(f["policy"], secret); err != nil {
		q.who = nil
		return nil, err
	}
	return postform.ParsePolicy(f["policy"])
}

// formTarget sets the request's key and opens its bucket.
func (q *request) formTarget(form *postform.Form) error {
	if _, ok := form.Fields["key"]; !ok {
		return invalidArgument("key", "", "Bucket POST must contain a field named 'key'. If it is specified, please check the order of the fields.")
	}
	switch q.key = form.Key(); {
	case q.key == "" || !utf8.ValidString(q.key):
		return invalidArgument("key", q.key, "User key must have a length greater than 0 and be valid UTF-8.")
	case len(q.key) > machine.MaxKey:
		return s3err.New(s3err.KeyTooLong)
	case !validBucketName(q.bucket):
		return s3err.New(s3err.InvalidBucketName)
	}
	return q.openBucket(true)
}

// formHeaders returns the fields as the headers of a PUT.
func formHeaders(form *postform.Form) http.Header {
	h := http.Header{}
	for name, value := range form.Fields {
		switch {
		case strings.HasPrefix(name, "x-amz-"), strings.HasPrefix(name, "content-"), name == "cache-control", name == "expires":
			h.Set(name, value)
		case name == "acl":
			h.Set("X-Amz-Acl", value)
		}
	}
	if h.Get("Content-Type") == "" && form.FileType != "" {
		h.Set("Content-Type", form.FileType)
	}
	return h
}

// postFile stores the form's file.
func (q *request) postFile(form *postform.Form, policy *postform.Policy) error {
	h := formHeaders(form)
	if err := refuseUnoffered(post, h); err != nil {
		return err
	}
	meta, err := q.metadata(h)
	if err != nil {
		return err
	}
	if doc := form.Fields["tagging"]; doc != "" {
		if meta.Tags, err = parseTagging([]byte(doc), machine.MaxTags, "Object"); err != nil {
			return err
		}
	}
	want := &digests{}
	if err := want.readMD5(h); err != nil {
		return err
	}
	if err := want.readChecksum(h); err != nil {
		return err
	}
	alg := want.algorithm
	if alg == checksum.None {
		alg = checksum.CRC64NVME
	}
	s, err := q.storeFile(form.File, policy, meta, want.algorithms(alg))
	if err != nil {
		return err
	}
	if err := want.check(s.sums, &body{}); err != nil {
		return err
	}
	info, err := q.commitObject(&meta, machine.Cond{}, s, alg)
	if err != nil {
		return err
	}
	q.set("ETag", quoted(info.ETag))
	q.setChecksum(info.Checksum, 0)
	return q.posted(form.Fields, info)
}

// storeFile makes the file durable, whose size is known only at its end.
func (q *request) storeFile(file io.Reader, policy *postform.Policy, meta machine.Meta, algs []checksum.Algorithm) (*stored, error) {
	body, size, err := measured(file)
	if err != nil {
		return nil, err
	}
	s, err := q.g.storeBody(q.ctx(), &sizeLimit{body, policy.MaxSize}, size, q.objectOwner(), meta.Class, algs)
	if err != nil {
		return nil, err
	}
	if s.size < policy.MinSize {
		return nil, s3err.New(s3err.EntityTooSmall).
			With("ProposedSize", fmt.Sprint(s.size)).With("MinSizeAllowed", fmt.Sprint(policy.MinSize))
	}
	return s, nil
}

// sizeLimit fails with EntityTooLarge behind left bytes.
type sizeLimit struct {
	r    io.Reader
	left int64
}

func (l *sizeLimit) Read(p []byte) (int, error) {
	n, err := l.r.Read(p)
	if l.left -= int64(n); l.left < 0 {
		return 0, s3err.New(s3err.EntityTooLarge)
	}
	return n, err
}

// posted answers a successful upload as the form wants it.
func (q *request) posted(fields map[string]string, info *machine.Info) error {
	q.path = strings.TrimSuffix(q.path, "/") + "/" + q.key
	location := q.location()
	q.set("Location", location)
	redirect := fields["success_action_redirect"]
	if redirect == "" {
		redirect = fields["redirect"]
	}
	if u, err := url.Parse(redirect); err == nil && redirect != "" && (u.Scheme == "http" || u.Scheme == "https") {
		v := u.Query()
		v.Set("bucket", q.bucket)
		v.Set("key", q.key)
		v.Set("etag", quoted(info.ETag))
		u.RawQuery = v.Encode()
		q.set("Location", u.String())
		return q.reply(http.StatusSeeOther)
	}
	switch fields["success_action_status"] {
	case "200":
		return q.reply(http.StatusOK)
	case "201":
		w := s3xml.NewBareWriter("PostResponse")
		w.Text("Location", location)
		w.Text("Bucket", q.bucket)
		w.Text("Key", q.key)
		w.Text("ETag", quoted(info.ETag))
		return q.replyDoc(http.StatusCreated, w)
	}
	return q.reply(http.StatusNoContent)
}
