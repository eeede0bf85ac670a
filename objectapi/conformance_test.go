package objectapi

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/stretchr/testify/require"

	"cairn/objectapi/checksum"
)

// TestWrongInputs sends what no client should, and wants the error that S3 has
// for it and nothing stored.
func TestWrongInputs(t *testing.T) {
	e := newEnv(t)
	e.bucket("wrong")
	e.put("wrong", "there", []byte("x"))
	long := strings.Repeat("k", 1025)
	for _, c := range []struct {
		method, target string
		headers        []string
		want           string
	}{
		{"PUT", "/wrong/" + long, nil, "KeyTooLongError"},
		{"GET", "/wrong/" + long, nil, "KeyTooLongError"},
		{"PUT", "/wrong/%FF", nil, "InvalidURI"},
		{"PUT", "/wrong/k", []string{"Content-MD5", "!"}, "InvalidDigest"},
		{"PUT", "/wrong/k", []string{"Content-MD5", ""}, "InvalidDigest"},
		{"PUT", "/wrong/k", []string{"Content-MD5", "AAAAAAAAAAAAAAAAAAAAAA=="}, "BadDigest"},
		{"PUT", "/wrong/k", []string{"X-Amz-Checksum-Crc32", "x"}, "BadDigest"},
		{"PUT", "/wrong/k", []string{"X-Amz-Checksum-Crc32", "AAAAAA==", "X-Amz-Checksum-Crc32c", "AAAAAA=="}, "InvalidRequest"},
		{"PUT", "/wrong/k", []string{"X-Amz-Sdk-Checksum-Algorithm", "CRC31"}, "InvalidRequest"},
		{"PUT", "/wrong/k", []string{"X-Amz-Checksum-Md5", "AAAAAAAAAAAAAAAAAAAAAA=="}, "NotImplemented"},
		{"PUT", "/wrong/k", []string{"X-Amz-Meta-A", strings.Repeat("x", 2048)}, "MetadataTooLarge"},
		{"PUT", "/wrong/k", []string{"X-Custom", strings.Repeat("x", 9<<10)}, "RequestHeaderSectionTooLarge"},
		{"PUT", "/wrong/k", []string{"X-Amz-Website-Redirect-Location", "javascript:x"}, "InvalidRedirectLocation"},
		{"PUT", "/wrong/k", []string{"X-Amz-Tagging", "a=1&a=2"}, "InvalidTag"},
		{"PUT", "/wrong/k", []string{"X-Amz-Tagging", "aws:a=1"}, "InvalidTag"},
		{"PUT", "/wrong/k", []string{"X-Amz-Tagging", strings.Repeat("k", 129) + "=1"}, "InvalidTag"},
		{"PUT", "/wrong/k", []string{"If-Match", `"a"`, "If-None-Match", "*"}, "InvalidRequest"},
		{"PUT", "/wrong/k", []string{"X-Amz-Server-Side-Encryption-Customer-Algorithm", "AES256"}, "NotImplemented"},
		{"PUT", "/wrong/k?partNumber=1&uploadId=x", []string{"X-Amz-Server-Side-Encryption-Customer-Algorithm", "AES256"}, "NotImplemented"},
		{"GET", "/wrong/there", []string{"X-Amz-Server-Side-Encryption-Customer-Algorithm", "AES256"}, "InvalidRequest"},
		{"PUT", "/wrong/k", []string{"X-Amz-Expected-Bucket-Owner", "someone"}, "AccessDenied"},
		{"PUT", "/wrong/k", []string{"X-Amz-Copy-Source", "/wrong/there", "X-Amz-Source-Expected-Bucket-Owner", "someone"}, "AccessDenied"},
		{"PUT", "/wrong/k", []string{"X-Amz-Copy-Source", "/wrong/none"}, "NoSuchKey"},
		{"PUT", "/wrong/k", []string{"X-Amz-Copy-Source", "/none-such/k"}, "NoSuchBucket"},
		{"PUT", "/wrong/k", []string{"X-Amz-Copy-Source", "wrong"}, "InvalidArgument"},
		{"PUT", "/wrong/k", []string{"X-Amz-Copy-Source", "/wrong/there?versionId=1"}, "NoSuchVersion"},
		{"PUT", "/wrong/k", []string{"X-Amz-Copy-Source", "/wrong/there", "X-Amz-Metadata-Directive", "MERGE"}, "InvalidArgument"},
		{"PUT", "/wrong/k", []string{"X-Amz-Copy-Source", "/wrong/there", "X-Amz-Checksum-Algorithm", "CRC31"}, "InvalidRequest"},
		{"PUT", "/wrong/k", []string{"X-Amz-Copy-Source", "/wrong/there", "X-Amz-Copy-Source-If-Match", `"a"`}, "PreconditionFailed"},
		{"GET", "/wrong/there?partNumber=0", nil, "InvalidArgument"},
		{"GET", "/wrong/there?partNumber=2", nil, "InvalidPartNumber"},
		{"GET", "/wrong/there?partNumber=1", []string{"Range", "bytes=0-0"}, "InvalidRequest"},
		{"GET", "/wrong/there?attributes", nil, "InvalidArgument"},
		{"GET", "/wrong/there?attributes", []string{"X-Amz-Object-Attributes", "ETag,Colour"}, "InvalidArgument"},
		{"DELETE", "/wrong/k?uploadId=x", nil, "NoSuchUpload"},
		{"DELETE", "/wrong/k?uploadId=x", []string{"X-Amz-If-Match-Initiated-Time", "0"}, "NotImplemented"},
		{"DELETE", "/wrong/there", []string{"X-Amz-If-Match-Size", "x"}, "InvalidArgument"},
		{"DELETE", "/wrong/there", []string{"If-Match", `"a"`}, "PreconditionFailed"},
		{"POST", "/wrong/k?uploads", []string{"X-Amz-Checksum-Algorithm", "SHA256", "X-Amz-Checksum-Type", "FULL_OBJECT"}, "InvalidRequest"},
		{"POST", "/wrong/k?uploads", []string{"X-Amz-Checksum-Type", "COMPOSITE"}, "InvalidRequest"},
		{"POST", "/wrong?delete", nil, "InvalidRequest"}, // no checksum of the body
		{"GET", "/Wrong", nil, "InvalidBucketName"},
		{"OPTIONS", "/wrong/there", nil, "AccessForbidden"},
		{"PATCH", "/wrong/there", nil, "MethodNotAllowed"},
		{"POST", "/wrong/there", nil, "MethodNotAllowed"},
		{"PUT", "/", nil, "MethodNotAllowed"},
	} {
		resp, body := e.raw(c.method, c.target, strings.NewReader("hello"), c.headers...)
		require.Equal(t, c.want, element(body, "Code"), "%s %s %v: %d", c.method, c.target, c.headers, resp.StatusCode)
	}
	_, body := e.raw("GET", "/wrong", nil)
	line, _ := listingOf(t, body)
	require.Equal(t, "there", line)
	_, body = e.raw("GET", "/wrong?uploads", nil)
	require.NotContains(t, body, "<Upload>")
}

// unofferedSubs are the parameters by which the gateway is asked for what it has
// not.
var unofferedSubs = []string{
	"versioning", "lifecycle", "policy", "cors", "website", "encryption", "replication", "object-lock", "logging",
	"notification", "accelerate", "requestPayment", "publicAccessBlock", "ownershipControls", "inventory&id=1",
	"metrics&id=1", "analytics&id=1", "intelligent-tiering&id=1", "abac", "metadataTable", "metadataConfiguration",
}

// TestUnofferedIsRefused stores nothing of what it does not understand: neither
// in the bucket's settings nor as an object.
func TestUnofferedIsRefused(t *testing.T) {
	e := newEnv(t)
	e.bucket("plain")
	e.put("plain", "k", []byte("before"))
	for _, sub := range unofferedSubs {
		resp, body := e.raw("PUT", "/plain?"+sub, strings.NewReader("<Whatever/>"))
		require.Equal(t, http.StatusNotImplemented, resp.StatusCode, sub)
		require.Equal(t, "NotImplemented", element(body, "Code"))
	}
	for _, sub := range []string{"retention", "legal-hold", "renameObject", "encryption", "torrent", "restore"} {
		resp, _ := e.raw("PUT", "/plain/k?"+sub, strings.NewReader("after"))
		require.Equal(t, http.StatusNotImplemented, resp.StatusCode, sub)
	}
	for _, sub := range []string{"restore", "select&select-type=2"} {
		resp, _ := e.raw("POST", "/plain/k?"+sub, strings.NewReader("<RestoreRequest/>"))
		require.Equal(t, http.StatusNotImplemented, resp.StatusCode, sub)
	}
	require.Equal(t, "before", string(e.get("plain", "k")))
}

// TestIfRange resumes downloads: the rest is sent only of the object that the
// client has the beginning of.
func TestIfRange(t *testing.T) {
	e := newEnv(t)
	etag := *e.put(e.bucket("resume"), "k", []byte("0123456789")).ETag
	resp, _ := e.raw("HEAD", "/resume/k", nil)
	modified := resp.Header.Get("Last-Modified")
	for v, want := range map[string]int{
		etag: 206, modified: 206,
		`"other"`: 200, "W/" + etag: 200, httpTime(time.Now().Add(-time.Hour)): 200, httpTime(time.Now().Add(time.Hour)): 200,
	} {
		for _, method := range []string{"GET", "HEAD"} {
			resp, body := e.raw(method, "/resume/k", nil, "Range", "bytes=8-", "If-Range", v)
			require.Equal(t, want, resp.StatusCode, v)
			if method == "GET" {
				require.Equal(t, map[int]string{206: "89", 200: "0123456789"}[want], body)
			}
		}
	}
	resp, _ = e.raw("GET", "/resume/k", nil, "Range", "bytes=10-", "If-Range", `"other"`)
	require.Equal(t, 200, resp.StatusCode, "an old range is not judged by the new object")
	resp, _ = e.raw("GET", "/resume/k", nil, "If-Range", `"other"`)
	require.Equal(t, 200, resp.StatusCode)
}

// TestPartChecksums reads each part with its checksum, in both types.
func TestPartChecksums(t *testing.T) {
	e := newEnv(t)
	e.bucket("parts")
	for alg, typ := range map[types.ChecksumAlgorithm]types.ChecksumType{"CRC32": "FULL_OBJECT", "SHA256": "COMPOSITE"} {
		u := e.upload("parts", string(alg), s3.CreateMultipartUploadInput{ChecksumAlgorithm: alg, ChecksumType: typ})
		bodies := [][]byte{pattern(partSize), pattern(10)}
		for i, body := range bodies {
			u.part(int32(2*i+1), body) // numbers may have gaps; parts are asked for by position
		}
		_, err := u.complete()
		require.NoError(t, err)
		a := checksum.Parse(string(alg))
		for i, body := range bodies {
			for _, method := range []string{"GET", "HEAD"} {
				target := fmt.Sprintf("/parts/%s?partNumber=%d", alg, i+1)
				resp, _ := e.raw(method, target, nil, "X-Amz-Checksum-Mode", "ENABLED")
				require.Equal(t, checksum.Encode(a.Sum(body)), resp.Header.Get(a.Header()))
				require.Equal(t, string(typ), resp.Header.Get("X-Amz-Checksum-Type"))
				resp, _ = e.raw(method, target, nil)
				require.Empty(t, resp.Header.Get(a.Header()))
			}
		}
		out, err := e.alice().GetObject(t.Context(), &s3.GetObjectInput{Bucket: aws.String("parts"), Key: &u.key, PartNumber: aws.Int32(2), ChecksumMode: "ENABLED"})
		require.NoError(t, err)
		require.NoError(t, out.Body.Close())
	}
}

// TestHostileListing asks for pages with parameters of our own making.
func TestHostileListing(t *testing.T) {
	e := newEnv(t)
	e.bucket("odd")
	keys := []string{"\x01", "a b", "a&b", "a<b>", "tab\tline\n", "\u00fc", "\U0001F600"}
	for _, k := range keys {
		e.put("odd", k, nil)
	}
	long := strings.Repeat("k", 5000)
	for _, query := range []string{
		"prefix=" + long, "delimiter=" + long, "marker=" + long, "prefix=%FF", "marker=%FF%FE", "delimiter=%00",
		"list-type=2&start-after=" + long, "list-type=2&continuation-token=" + makeToken(long),
		"list-type=2&continuation-token=" + makeToken("\xff\x00"), "versions&key-marker=" + long,
		"uploads&key-marker=" + long, "uploads&prefix=%FF", "list-type=2&max-keys=1&delimiter=%0A",
	} {
		for _, encoding := range []string{"", "&encoding-type=url"} {
			resp, body := e.raw("GET", "/odd?"+query+encoding, nil)
			require.Equal(t, 200, resp.StatusCode, "%.60s: %s", query, body)
		}
	}
	_, body := e.raw("GET", "/odd?list-type=2&encoding-type=url&delimiter=%26", nil)
	line, _ := listingOf(t, body)
	want := []string{}
	for _, k := range keys {
		if k != "a&b" {
			want = append(want, strings.ReplaceAll(url.QueryEscape(k), "+", "%20"))
		}
	}
	require.Equal(t, strings.Join(append(want, "[a%26]"), " "), line)
	for _, bad := range []string{
		"list-type=2&continuation-token=%20", "versions&version-id-marker=null", "uploads&key-marker=k&upload-id-marker=x",
		"max-keys=2147483648", "uploads&max-uploads=x", "uploads&encoding-type=base64",
	} {
		_, body := e.raw("GET", "/odd?"+bad, nil)
		require.Equal(t, "InvalidArgument", element(body, "Code"), bad)
	}
}
