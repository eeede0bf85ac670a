package objectapi

import (
	"net/http"
	"slices"
	"strings"

	"cairn/objectapi/s3err"
	"cairn/objectapi/s3xml"
)

// Buckets enforce their owner's ownership: access control lists other than the
// owner's full control are refused, as S3 does with BucketOwnerEnforced.

// cannedACLs are the values of x-amz-acl.
var cannedACLs = []string{
	"private", "bucket-owner-full-control", "public-read", "public-read-write",
	"authenticated-read", "aws-exec-read", "bucket-owner-read", "log-delivery-write",
}

// checkACLHeaders refuses access control lists in headers, but those that say
// what is anyway so.
func checkACLHeaders(h http.Header) error {
	for name := range h {
		if strings.HasPrefix(name, "X-Amz-Grant-") {
			return s3err.New(s3err.AccessControlListNotSupported)
		}
	}
	switch acl := h.Get("X-Amz-Acl"); {
	case acl == "", acl == cannedACLs[0], acl == cannedACLs[1]:
		return nil
	case slices.Contains(cannedACLs, acl):
		return s3err.New(s3err.AccessControlListNotSupported)
	default:
		return invalidArgument("x-amz-acl", acl, "")
	}
}

// getACL answers GetBucketAcl.
func (q *request) getACL() error {
	w := s3xml.NewWriter("AccessControlPolicy")
	q.ownerElement(w, "Owner")
	w.Open("AccessControlList")
	w.Open("Grant")
	w.OpenTyped("Grantee", "CanonicalUser")
	w.Text("ID", q.owner())
	w.Text("DisplayName", q.who.DisplayName)
	w.Close()
	w.Text("Permission", "FULL_CONTROL")
	return q.replyXML(w)
}

// getObjectACL answers GetObjectAcl.
func (q *request) getObjectACL() error {
	if err := q.requireObject(); err != nil {
		return err
	}
	return q.getACL()
}

// putACL answers PutBucketAcl.
func (q *request) putACL() error {
	if err := checkACLHeaders(q.r.Header); err != nil {
		return err
	}
	doc, err := q.readDocument(false)
	if err != nil {
		return err
	}
	if len(doc) > 0 {
		if err := q.checkACL(doc); err != nil {
			return err
		}
	}
	return q.reply(http.StatusOK)
}

// putObjectACL answers PutObjectAcl.
func (q *request) putObjectACL() error {
	if err := q.requireObject(); err != nil {
		return err
	}
	return q.putACL()
}

// checkACL accepts a document that gives the owner full control and nobody
// anything.
func (q *request) checkACL(doc []byte) error {
	root, err := s3xml.Parse(doc)
	if err != nil || root.Name != "AccessControlPolicy" {
		return s3err.New(s3err.MalformedXML).Because(err)
	}
	list := root.Child("AccessControlList")
	switch {
	case list == nil:
		return s3err.New(s3err.MalformedXML)
	case len(list.Children) == 0: // it would take the owner's own right away
		return s3err.New(s3err.AccessControlListNotSupported)
	}
	for _, grant := range list.Children {
		who := grant.Child("Grantee").Trimmed("ID")
		if grant.Name != "Grant" || who != q.owner() || grant.Trimmed("Permission") != "FULL_CONTROL" {
			return s3err.New(s3err.AccessControlListNotSupported)
		}
	}
	return nil
}

// ownerElement writes the caller as an element of that name.
func (q *request) ownerElement(w *s3xml.Writer, name string) {
	w.Open(name)
	w.Text("ID", q.owner())
	w.Text("DisplayName", q.who.DisplayName)
	w.Close()
}
