package objectapi

import (
	"bytes"
	"crypto/md5"
	"encoding/hex"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/stretchr/testify/require"

	"cairn/objectapi/checksum"
	"cairn/objectapi/machine"
)

// hostileKeys are keys that servers have been known to change.
var hostileKeys = []string{
	"a", "a/b", "a//b", "/lead", "//", "../x", "./x", "a/../b", "a/.", "a/..", "+", "a b", "a+b", "%2F", "a%2Fb", "%", "%zz", "a?b", "a#b",
	"a&b=c;d", "trailing/", "trailing//", "\u00fc\u4e16\U0001F600", "e\u0301", "tab\there", "line\nfeed", "\x01control\x1f", "quote\"'<>&", "\\", "a\\..\\b",
	"~user", "(paren)!*", strings.Repeat("k", 1024), "uploads", "acl", "null",
}

func TestHostileKeys(t *testing.T) {
	e := newEnv(t)
	b := e.bucket("hostile")
	c := e.alice()
	for i, key := range hostileKeys {
		body := []byte(fmt.Sprint("body ", i))
		e.put(b, key, body)
		require.Equal(t, body, e.get(b, key), "%q", key)
	}
	// All at once: no key was taken for another, and listings give them back.
	var keys []string
	p := s3.NewListObjectsV2Paginator(c, &s3.ListObjectsV2Input{Bucket: &b, MaxKeys: aws.Int32(7), EncodingType: types.EncodingTypeUrl})
	for p.HasMorePages() {
		page, err := p.NextPage(t.Context())
		require.NoError(t, err)
		for _, o := range page.Contents {
			key, err := decodeListed(*o.Key)
			require.NoError(t, err)
			keys = append(keys, key)
		}
	}
	require.ElementsMatch(t, hostileKeys, keys)
	for i, key := range hostileKeys {
		require.Equal(t, fmt.Sprint("body ", i), string(e.get(b, key)), "%q", key)
		_, err := c.DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: &b, Key: &key})
		require.NoError(t, err)
		_, err = c.HeadObject(t.Context(), &s3.HeadObjectInput{Bucket: &b, Key: &key})
		status(t, 404, err)
	}
}

// TestSizes puts and gets bodies around every size at which the path changes.
func TestSizes(t *testing.T) {
	e := newEnv(t)
	b := e.bucket("sizes")
	big := pattern(20<<20 + 13)
	for _, n := range []int{0, 1, 4096, 4097, 64 << 10, 64<<10 + 1, 8<<20 - 1, 8 << 20, 8<<20 + 1, len(big)} {
		sum := md5.Sum(big[:n])
		out := e.put(b, "k", big[:n])
		require.Equal(t, quoted(hex.EncodeToString(sum[:])), *out.ETag)
		require.True(t, bytes.Equal(big[:n], e.get(b, "k")), "%d bytes", n)
	}
}

func TestRanges(t *testing.T) {
	e := newEnv(t)
	b := e.bucket("ranges")
	big := pattern(20 << 20)
	e.put(b, "big", big)
	e.put(b, "small", big[:100])
	e.put(b, "empty", nil)
	for _, c := range []struct {
		key, rng     string
		status       int
		first, after int // of the body
	}{
		{"small", "bytes=0-0", 206, 0, 1},
		{"small", "bytes=10-19", 206, 10, 20},
		{"small", "bytes=90-", 206, 90, 100},
		{"small", "bytes=90-1000", 206, 90, 100},
		{"small", "bytes=-10", 206, 90, 100},
		{"small", "bytes=-1000", 206, 0, 100},
		{"small", "bytes=0-99999999999999999999", 206, 0, 100},
		{"small", "bytes=100-", 416, 0, 0},
		{"small", "bytes=-0", 416, 0, 0},
		{"empty", "bytes=0-0", 416, 0, 0},
		{"empty", "bytes=-1", 416, 0, 0},
		{"small", "bytes=5-2", 200, 0, 100},
		{"small", "bytes=0-1,5-6", 200, 0, 100},
		{"small", "lines=1-2", 200, 0, 100},
		{"big", "bytes=8388600-8388615", 206, 8388600, 8388616}, // over the edge of a blob
		{"big", "bytes=5-20971500", 206, 5, 20971501},
		{"big", "bytes=-9000000", 206, 20<<20 - 9000000, 20 << 20},
	} {
		for _, method := range []string{"GET", "HEAD"} {
			resp, body := e.raw(method, "/ranges/"+c.key, nil, "Range", c.rng)
			require.Equal(t, c.status, resp.StatusCode, "%s %s", c.key, c.rng)
			if c.status == 416 {
				require.Contains(t, resp.Header.Get("Content-Range"), "bytes */")
				continue
			}
			require.EqualValues(t, c.after-c.first, resp.ContentLength)
			if method == "GET" {
				require.True(t, string(big[c.first:c.after]) == body, "%s %s", c.key, c.rng)
			}
			if c.status == 206 {
				size := map[string]int{"small": 100, "big": len(big)}[c.key]
				require.Equal(t, fmt.Sprintf("bytes %d-%d/%d", c.first, c.after-1, size), resp.Header.Get("Content-Range"))
			}
		}
	}
}

func TestMetadata(t *testing.T) {
	e := newEnv(t)
	b := e.bucket("metadata")
	c := e.alice()
	_, err := c.PutObject(t.Context(), &s3.PutObjectInput{
		Bucket: &b, Key: aws.String("k"), Body: strings.NewReader("x"),
		ContentType: aws.String("text/plain"), CacheControl: aws.String("no-cache"), ContentDisposition: aws.String("attachment"),
		ContentEncoding: aws.String("gzip"), ContentLanguage: aws.String("de"), Expires: aws.Time(time.Unix(1900000000, 0)),
		Metadata: map[string]string{"Mixed-Case": "Value", "two": "a b"}, Tagging: aws.String("a=1&b=2"),
		StorageClass: types.StorageClassStandardIa, WebsiteRedirectLocation: aws.String("/other"),
	})
	require.NoError(t, err)
	h, err := c.HeadObject(t.Context(), &s3.HeadObjectInput{Bucket: &b, Key: aws.String("k")})
	require.NoError(t, err)
	require.Equal(t, []string{"text/plain", "no-cache", "attachment", "gzip", "de"},
		[]string{*h.ContentType, *h.CacheControl, *h.ContentDisposition, *h.ContentEncoding, *h.ContentLanguage})
	require.Equal(t, map[string]string{"mixed-case": "Value", "two": "a b"}, h.Metadata)
	require.Equal(t, types.StorageClassStandardIa, h.StorageClass)
	require.Equal(t, "/other", *h.WebsiteRedirectLocation)
	resp, _ := e.raw("GET", "/metadata/k?response-content-type=a/b&response-cache-control=x", nil)
	require.Equal(t, "a/b", resp.Header.Get("Content-Type"))
	require.Equal(t, "x", resp.Header.Get("Cache-Control"))
	require.Equal(t, "2", resp.Header.Get("X-Amz-Tagging-Count"))

	e.put(b, "plain", nil)
	h, err = c.HeadObject(t.Context(), &s3.HeadObjectInput{Bucket: &b, Key: aws.String("plain")})
	require.NoError(t, err)
	require.NotEmpty(t, h.ContentType)
	require.Empty(t, h.StorageClass)

	resp, body := e.raw("PUT", "/metadata/big", nil, "X-Amz-Meta-A", strings.Repeat("x", 2048))
	require.Equal(t, 400, resp.StatusCode)
	require.Equal(t, "MetadataTooLarge", element(body, "Code"))
	resp, _ = e.raw("PUT", "/metadata/utf8", nil, "X-Amz-Meta-A", "\u00fcber")
	require.Equal(t, 200, resp.StatusCode)
	resp, _ = e.raw("HEAD", "/metadata/utf8", nil)
	require.Equal(t, "=?UTF-8?b?w7xiZXI=?=", resp.Header.Get("X-Amz-Meta-A"))
	for header, code := range map[string]string{
		"X-Amz-Storage-Class": "InvalidStorageClass", "X-Amz-Server-Side-Encryption": "NotImplemented",
		"X-Amz-Object-Lock-Mode": "InvalidRequest", "X-Amz-Write-Offset-Bytes": "NotImplemented",
		"X-Amz-Acl": "InvalidArgument", "X-Amz-Grant-Read": "AccessControlListNotSupported",
	} {
		_, body = e.raw("PUT", "/metadata/k2", nil, header, "whatever")
		require.Equal(t, code, element(body, "Code"), header)
	}
}

func TestReadConditions(t *testing.T) {
	e := newEnv(t)
	b := e.bucket("conditions")
	etag := *e.put(b, "k", []byte("x")).ETag
	past, future := httpTime(time.Now().Add(-time.Hour)), httpTime(time.Now().Add(time.Hour))
	for _, c := range []struct {
		headers []string
		status  int
	}{
		{[]string{"If-Match", etag}, 200},
		{[]string{"If-Match", strings.Trim(etag, `"`)}, 200},
		{[]string{"If-Match", `"other", ` + etag}, 200},
		{[]string{"If-Match", "*"}, 200},
		{[]string{"If-Match", `"other"`}, 412},
		{[]string{"If-None-Match", `"other"`}, 200},
		{[]string{"If-None-Match", "W/" + etag}, 304},
		{[]string{"If-None-Match", "*"}, 304},
		{[]string{"If-Modified-Since", past}, 200},
		{[]string{"If-Modified-Since", future}, 304},
		{[]string{"If-Modified-Since", "no date"}, 200},
		{[]string{"If-Unmodified-Since", future}, 200},
		{[]string{"If-Unmodified-Since", past}, 412},
		{[]string{"If-Match", etag, "If-Unmodified-Since", past}, 200},
		{[]string{"If-None-Match", `"other"`, "If-Modified-Since", future}, 200},
		{[]string{"If-None-Match", etag, "If-Modified-Since", past}, 304},
	} {
		for _, method := range []string{"GET", "HEAD"} {
			resp, _ := e.raw(method, "/conditions/k", nil, c.headers...)
			require.Equal(t, c.status, resp.StatusCode, "%s %v", method, c.headers)
			if c.status == 304 {
				require.Equal(t, etag, resp.Header["Etag"][0])
			}
		}
	}
}

func TestWriteConditions(t *testing.T) {
	e := newEnv(t)
	b := e.bucket("writes")
	c := e.alice()
	put := func(match, noneMatch *string) error {
		_, err := c.PutObject(t.Context(), &s3.PutObjectInput{Bucket: &b, Key: aws.String("k"), Body: strings.NewReader("x"), IfMatch: match, IfNoneMatch: noneMatch})
		return err
	}
	code(t, "NoSuchKey", put(aws.String(`"abc"`), nil))
	require.NoError(t, put(nil, aws.String("*")))
	code(t, "PreconditionFailed", put(nil, aws.String("*")))
	code(t, "PreconditionFailed", put(aws.String(`"abc"`), nil))
	require.NoError(t, put(nil, aws.String(`"abc"`)))
	code(t, "PreconditionFailed", put(nil, aws.String(`"9dd4e461268c8034f5c8564e155c67a6"`)))
	require.NoError(t, put(aws.String(`"9dd4e461268c8034f5c8564e155c67a6"`), nil))

	_, err := c.DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: &b, Key: aws.String("k"), IfMatch: aws.String(`"abc"`)})
	code(t, "PreconditionFailed", err)
	_, err = c.DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: &b, Key: aws.String("k"), IfMatchSize: aws.Int64(1)})
	require.NoError(t, err)
	_, err = c.DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: &b, Key: aws.String("k")})
	require.NoError(t, err, "deleting what is not there")
	_, err = c.DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: &b, Key: aws.String("k"), IfMatch: aws.String(`"abc"`)})
	require.NoError(t, err, "what was to go is gone")
}

func TestChecksums(t *testing.T) {
	e := newEnv(t)
	b := e.bucket("checksums")
	c := e.alice()
	for _, n := range []int{3, 100_000} {
		body := pattern(n)
		for _, a := range checksum.All {
			out, err := c.PutObject(t.Context(), &s3.PutObjectInput{Bucket: &b, Key: aws.String("k"), Body: bytes.NewReader(body), ChecksumAlgorithm: types.ChecksumAlgorithm(a.String())})
			require.NoError(t, err, a)
			require.Equal(t, types.ChecksumTypeFullObject, out.ChecksumType)
			resp, _ := e.raw("GET", "/checksums/k", nil, "X-Amz-Checksum-Mode", "ENABLED")
			require.Equal(t, checksum.Encode(a.Sum(body)), resp.Header.Get(a.Header()))
			resp, _ = e.raw("GET", "/checksums/k", nil, "X-Amz-Checksum-Mode", "ENABLED", "Range", "bytes=0-1")
			require.Empty(t, resp.Header.Get(a.Header()))
			require.Equal(t, body, e.get(b, "k")) // the client checks it too
		}
	}
	resp, body := e.raw("PUT", "/checksums/bad", strings.NewReader("hello"), "X-Amz-Checksum-Crc32", "AAAAAA==")
	require.Equal(t, 400, resp.StatusCode)
	require.Equal(t, "BadDigest", element(body, "Code"))
	_, body = e.raw("PUT", "/checksums/bad", strings.NewReader("hello"), "X-Amz-Checksum-Crc32", "AAAA")
	require.Equal(t, "BadDigest", element(body, "Code"))
	_, body = e.raw("PUT", "/checksums/bad", strings.NewReader("hello"), "Content-MD5", "1B2M2Y8AsgTpgAmY7PhCfg==")
	require.Equal(t, "BadDigest", element(body, "Code"))
	for _, h := range [][]string{
		{"X-Amz-Checksum-Crc32", "NhCmhg==", "X-Amz-Checksum-Crc32c", "mnG7TA=="},
		{"X-Amz-Checksum-Crc32", "NhCmhg==", "X-Amz-Sdk-Checksum-Algorithm", "SHA256"},
	} {
		_, body = e.raw("PUT", "/checksums/bad", strings.NewReader("hello"), h...)
		require.Equal(t, "InvalidRequest", element(body, "Code"), h)
	}
	_, body = e.raw("PUT", "/checksums/bad", strings.NewReader("hello"), "X-Amz-Checksum-Xxhash64", "AAAA")
	require.Equal(t, "NotImplemented", element(body, "Code"))
	resp, _ = e.raw("HEAD", "/checksums/bad", nil)
	require.Equal(t, http.StatusNotFound, resp.StatusCode, "a failed check stored nothing")
}

func TestDeleteObjects(t *testing.T) {
	e := newEnv(t)
	b := e.bucket("deletes")
	var ids []types.ObjectIdentifier
	for i := range 100 {
		key := fmt.Sprintf("k%d", i)
		e.put(b, key, []byte("x"))
		ids = append(ids, types.ObjectIdentifier{Key: &key})
	}
	ids[3].ETag = aws.String("other")
	ids[4].VersionId = aws.String("null")
	ids[5].VersionId = aws.String("123")
	ids = append(ids, types.ObjectIdentifier{Key: aws.String("absent")}, types.ObjectIdentifier{Key: aws.String(strings.Repeat("x", 1025))})
	out, err := e.alice().DeleteObjects(t.Context(), &s3.DeleteObjectsInput{Bucket: &b, Delete: &types.Delete{Objects: ids}})
	require.NoError(t, err)
	codes := map[string]string{}
	for _, f := range out.Errors {
		codes[(*f.Key)[:2]] = *f.Code
	}
	require.Equal(t, map[string]string{"k3": "PreconditionFailed", "k5": "NoSuchVersion", "xx": "KeyTooLongError"}, codes)
	require.Len(t, out.Deleted, 99)
	l, err := e.alice().ListObjectsV2(t.Context(), &s3.ListObjectsV2Input{Bucket: &b})
	require.NoError(t, err)
	require.Len(t, l.Contents, 2)

	doc := "<Delete><Object><Key>k3</Key></Object><Object><Key>\x01</Key></Object><Quiet>true</Quiet></Delete>"
	sum := md5.Sum([]byte(doc))
	_, body := e.raw("POST", "/deletes?delete", strings.NewReader(doc))
	require.Equal(t, "InvalidRequest", element(body, "Code"), "a digest is required")
	resp, body := e.raw("POST", "/deletes?delete", strings.NewReader(doc), "Content-MD5", b64(sum[:]))
	require.Equal(t, 200, resp.StatusCode)
	require.NotContains(t, body, "Deleted")
}

func TestCopy(t *testing.T) {
	e := newEnv(t)
	b, other := e.bucket("copies"), e.bucket("copies-2")
	c := e.alice()
	body := pattern(17 << 20)
	_, err := c.PutObject(t.Context(), &s3.PutObjectInput{
		Bucket: &b, Key: aws.String("a +%/b"), Body: bytes.NewReader(body), ContentType: aws.String("a/b"),
		Metadata: map[string]string{"m": "1"}, Tagging: aws.String("t=1"), ChecksumAlgorithm: types.ChecksumAlgorithmSha256,
	})
	require.NoError(t, err)
	source := aws.String("copies/a%20%2B%25/b")
	out, err := c.CopyObject(t.Context(), &s3.CopyObjectInput{Bucket: &other, Key: aws.String("c"), CopySource: source})
	require.NoError(t, err)
	require.NotEmpty(t, out.CopyObjectResult.ChecksumSHA256)
	require.True(t, bytes.Equal(body, e.get(other, "c")))
	h, err := c.HeadObject(t.Context(), &s3.HeadObjectInput{Bucket: &other, Key: aws.String("c")})
	require.NoError(t, err)
	require.Equal(t, "a/b", *h.ContentType)
	require.Equal(t, map[string]string{"m": "1"}, h.Metadata)

	_, err = c.CopyObject(t.Context(), &s3.CopyObjectInput{
		Bucket: &other, Key: aws.String("c"), CopySource: source, MetadataDirective: types.MetadataDirectiveReplace,
		Metadata: map[string]string{"n": "2"}, TaggingDirective: types.TaggingDirectiveReplace, Tagging: aws.String("u=1"),
	})
	require.NoError(t, err)
	h, err = c.HeadObject(t.Context(), &s3.HeadObjectInput{Bucket: &other, Key: aws.String("c")})
	require.NoError(t, err)
	require.Equal(t, map[string]string{"n": "2"}, h.Metadata)
	tags, err := c.GetObjectTagging(t.Context(), &s3.GetObjectTaggingInput{Bucket: &other, Key: aws.String("c")})
	require.NoError(t, err)
	require.Equal(t, "u", *tags.TagSet[0].Key)

	for name, in := range map[string]*s3.CopyObjectInput{
		"InvalidRequest":     {Bucket: &b, Key: aws.String("a +%/b"), CopySource: source},
		"NoSuchKey":          {Bucket: &b, Key: aws.String("x"), CopySource: aws.String("copies/none")},
		"NoSuchBucket":       {Bucket: &b, Key: aws.String("x"), CopySource: aws.String("no-such/none")},
		"PreconditionFailed": {Bucket: &b, Key: aws.String("x"), CopySource: source, CopySourceIfNoneMatch: aws.String("*")},
		"InvalidArgument":    {Bucket: &b, Key: aws.String("x"), CopySource: aws.String("nothing")},
	} {
		_, err = c.CopyObject(t.Context(), in)
		code(t, name, err)
	}
	_, err = c.CopyObject(t.Context(), &s3.CopyObjectInput{Bucket: &other, Key: aws.String("c"), CopySource: source, IfNoneMatch: aws.String("*")})
	code(t, "PreconditionFailed", err)
}

func TestStoredEncoding(t *testing.T) {
	for sent, kept := range map[string]string{
		"deflate, gzip": "deflate, gzip", "gzip, aws-chunked": "gzip", "AWS-chunked,gzip": "gzip", "aws-chunked": "", "": "",
	} {
		require.Equal(t, kept, storedEncoding([]string{sent}), sent)
	}
}

// TestTagsAreSorted sends tags in the header in another order than they are
// listed in.
func TestTagsAreSorted(t *testing.T) {
	tags, err := parseTagQuery("foo=bar&bar")
	require.NoError(t, err)
	require.Equal(t, []machine.Pair{{Name: "bar"}, {Name: "foo", Value: "bar"}}, tags)
}

func TestTagging(t *testing.T) {
	e := newEnv(t)
	b := e.bucket("tags")
	c := e.alice()
	key := aws.String("k")
	e.put(b, *key, []byte("x"))
	set := func(n int) *types.Tagging {
		var tags []types.Tag
		for i := range n {
			tags = append(tags, types.Tag{Key: aws.String(fmt.Sprint("k", i)), Value: aws.String("v")})
		}
		return &types.Tagging{TagSet: tags}
	}
	_, err := c.PutObjectTagging(t.Context(), &s3.PutObjectTaggingInput{Bucket: &b, Key: key, Tagging: set(10)})
	require.NoError(t, err)
	_, err = c.PutObjectTagging(t.Context(), &s3.PutObjectTaggingInput{Bucket: &b, Key: key, Tagging: set(11)})
	code(t, "InvalidTag", err)
	out, err := c.GetObjectTagging(t.Context(), &s3.GetObjectTaggingInput{Bucket: &b, Key: key})
	require.NoError(t, err)
	require.Len(t, out.TagSet, 10)
	_, err = c.DeleteObjectTagging(t.Context(), &s3.DeleteObjectTaggingInput{Bucket: &b, Key: key})
	require.NoError(t, err)
	out, err = c.GetObjectTagging(t.Context(), &s3.GetObjectTaggingInput{Bucket: &b, Key: key})
	require.NoError(t, err)
	require.Empty(t, out.TagSet)
	for _, bad := range []string{"aws:x=1", "a=1&a=2", "=1", "a=%3Cb"} {
		_, body := e.raw("PUT", "/tags/k2", nil, "X-Amz-Tagging", bad)
		require.Equal(t, "InvalidTag", element(body, "Code"), bad)
	}

	_, err = c.GetBucketTagging(t.Context(), &s3.GetBucketTaggingInput{Bucket: &b})
	code(t, "NoSuchTagSet", err)
	_, err = c.PutBucketTagging(t.Context(), &s3.PutBucketTaggingInput{Bucket: &b, Tagging: set(50)})
	require.NoError(t, err)
	bt, err := c.GetBucketTagging(t.Context(), &s3.GetBucketTaggingInput{Bucket: &b})
	require.NoError(t, err)
	require.Len(t, bt.TagSet, 50)
	_, err = c.DeleteBucketTagging(t.Context(), &s3.DeleteBucketTaggingInput{Bucket: &b})
	require.NoError(t, err)
}

func TestObjectAttributes(t *testing.T) {
	e := newEnv(t)
	b := e.bucket("attributes")
	e.put(b, "k", []byte("hello"))
	out, err := e.alice().GetObjectAttributes(t.Context(), &s3.GetObjectAttributesInput{Bucket: &b, Key: aws.String("k"), ObjectAttributes: []types.ObjectAttributes{
		types.ObjectAttributesEtag, types.ObjectAttributesChecksum, types.ObjectAttributesObjectSize, types.ObjectAttributesStorageClass, types.ObjectAttributesObjectParts,
	}})
	require.NoError(t, err)
	require.Equal(t, "5d41402abc4b2a76b9719d911017c592", *out.ETag)
	require.EqualValues(t, 5, *out.ObjectSize)
	require.Equal(t, types.StorageClassStandard, out.StorageClass)
	require.Equal(t, "M3eFcAZSQlc=", aws.ToString(out.Checksum.ChecksumCRC64NVME))
	require.Nil(t, out.ObjectParts)
	_, body := e.raw("GET", "/attributes/k?attributes", nil, "X-Amz-Object-Attributes", "Nonsense")
	require.Equal(t, "InvalidArgument", element(body, "Code"))
}

func TestAccessControlLists(t *testing.T) {
	e := newEnv(t)
	b := e.bucket("acls")
	e.put(b, "k", nil)
	c := e.alice()
	out, err := c.GetObjectAcl(t.Context(), &s3.GetObjectAclInput{Bucket: &b, Key: aws.String("k")})
	require.NoError(t, err)
	require.Len(t, out.Grants, 1)
	require.Equal(t, types.PermissionFullControl, out.Grants[0].Permission)
	_, err = c.PutObjectAcl(t.Context(), &s3.PutObjectAclInput{Bucket: &b, Key: aws.String("k"), AccessControlPolicy: &types.AccessControlPolicy{Grants: out.Grants, Owner: out.Owner}})
	require.NoError(t, err)
	_, err = c.PutBucketAcl(t.Context(), &s3.PutBucketAclInput{Bucket: &b, ACL: types.BucketCannedACLPrivate})
	require.NoError(t, err)
	_, err = c.PutBucketAcl(t.Context(), &s3.PutBucketAclInput{Bucket: &b, ACL: types.BucketCannedACLPublicRead})
	code(t, "AccessControlListNotSupported", err)
	_, err = c.PutBucketAcl(t.Context(), &s3.PutBucketAclInput{Bucket: &b, AccessControlPolicy: &types.AccessControlPolicy{Grants: []types.Grant{}, Owner: out.Owner}})
	code(t, "AccessControlListNotSupported", err)
	out.Grants[0].Grantee.ID = aws.String(strings.Repeat("0", 64))
	_, err = c.PutObjectAcl(t.Context(), &s3.PutObjectAclInput{Bucket: &b, Key: aws.String("k"), AccessControlPolicy: &types.AccessControlPolicy{Grants: out.Grants, Owner: out.Owner}})
	code(t, "AccessControlListNotSupported", err)
}
