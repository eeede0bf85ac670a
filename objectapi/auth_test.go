package objectapi

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/stretchr/testify/require"

	"cairn/iam"
)

func TestDenied(t *testing.T) {
	e := newEnv(t)
	b := e.bucket("denied")
	e.put(b, "k", []byte("x"))

	bob := e.client(e.user("bob"))
	_, err := bob.GetObject(t.Context(), &s3.GetObjectInput{Bucket: &b, Key: aws.String("k")})
	code(t, "AccessDenied", err)
	_, err = bob.DeleteBucket(t.Context(), &s3.DeleteBucketInput{Bucket: &b})
	code(t, "AccessDenied", err)
	_, err = bob.CopyObject(t.Context(), &s3.CopyObjectInput{Bucket: &b, Key: aws.String("x"), CopySource: aws.String("denied/k")})
	code(t, "AccessDenied", err)
	_, err = bob.HeadBucket(t.Context(), &s3.HeadBucketInput{Bucket: &b})
	status(t, 403, err)

	_, err = e.client(iam.Key{ID: "AKIANOBODY", Secret: "whatever"}).ListBuckets(t.Context(), nil)
	code(t, "InvalidAccessKeyId", err)
	_, err = e.client(iam.Key{ID: e.key.ID, Secret: "wrong secret"}).ListBuckets(t.Context(), nil)
	code(t, "SignatureDoesNotMatch", err)
	session := e.alice(func(o *s3.Options) {
		o.Credentials = credentials.NewStaticCredentialsProvider(e.key.ID, e.key.Secret, "a token")
	})
	_, err = session.ListBuckets(t.Context(), nil)
	code(t, "InvalidToken", err)
	_, err = e.alice().GetObject(t.Context(), &s3.GetObjectInput{Bucket: &b, Key: aws.String("k"), ExpectedBucketOwner: aws.String("123")})
	code(t, "AccessDenied", err)

	for method, target := range map[string]string{"GET": "/denied/k", "PUT": "/denied/k2", "DELETE": "/denied/k", "POST": "/denied?delete"} {
		resp, body := e.send(e.rawRequest(method, target, strings.NewReader("")))
		require.Equal(t, 403, resp.StatusCode, method)
		require.Equal(t, "AccessDenied", element(body, "Code"), method)
	}
	resp, _ := e.send(e.rawRequest("GET", "/", nil))
	require.Equal(t, 403, resp.StatusCode)
	_, body := e.send(e.rawRequest("GET", "/denied/k", nil, "Authorization", "AWS AKID:c2ln"))
	require.Equal(t, "InvalidRequest", element(body, "Code"))
	req := e.rawRequest("GET", "/", nil)
	e.sign(req, e.key, "UNSIGNED-PAYLOAD", time.Now().Add(-16*time.Minute))
	_, body = e.send(req)
	require.Equal(t, "RequestTimeTooSkewed", element(body, "Code"))
	resp, body = e.send(e.rawRequest("OPTIONS", "/denied/k", nil, "Origin", "http://x", "Access-Control-Request-Method", "GET"))
	require.Equal(t, 403, resp.StatusCode)
	require.Equal(t, "AccessForbidden", element(body, "Code"))
	require.Equal(t, "x", string(e.get(b, "k")))
}

func TestRemovedKeyIsRefused(t *testing.T) {
	e := newEnv(t)
	key, err := e.iam.CreateKey(t.Context(), "alice")
	require.NoError(t, err)
	_, err = e.client(key).ListBuckets(t.Context(), nil)
	require.NoError(t, err)
	require.NoError(t, e.iam.RemoveKey(t.Context(), key.ID))
	_, err = e.client(key).ListBuckets(t.Context(), nil)
	code(t, "InvalidAccessKeyId", err)
}

func TestPresigned(t *testing.T) {
	e := newEnv(t)
	b := e.bucket("presigned")
	p := s3.NewPresignClient(e.alice())
	key := aws.String("a b/+%")
	put, err := p.PresignPutObject(t.Context(), &s3.PutObjectInput{Bucket: &b, Key: key})
	require.NoError(t, err)
	req, err := http.NewRequest(put.Method, put.URL, strings.NewReader("hello"))
	require.NoError(t, err)
	resp, _ := e.send(req)
	require.Equal(t, 200, resp.StatusCode)
	get, err := p.PresignGetObject(t.Context(), &s3.GetObjectInput{Bucket: &b, Key: key}, s3.WithPresignExpires(time.Minute))
	require.NoError(t, err)
	req, err = http.NewRequest("GET", get.URL, nil)
	require.NoError(t, err)
	_, body := e.send(req)
	require.Equal(t, "hello", body)

	e.gateway.now = func() time.Time { return time.Now().Add(2 * time.Minute) }
	resp, body = e.send(req)
	require.Equal(t, 403, resp.StatusCode)
	require.Equal(t, "Request has expired", element(body, "Message"))
	e.gateway.now = time.Now
	req.URL.RawQuery += "&versionId=null"
	_, body = e.send(req)
	require.Equal(t, "SignatureDoesNotMatch", element(body, "Code"))
}

func TestVirtualHosts(t *testing.T) {
	e := newEnv(t)
	b := e.bucket("virtual.host")
	e.put(b, "virtual.host/k", []byte("x"))
	send := func(host, target string) (*http.Response, string) {
		req := e.rawRequest("GET", target, nil)
		req.Host = host
		e.sign(req, e.key, "UNSIGNED-PAYLOAD", time.Now())
		return e.send(req)
	}
	for host, target := range map[string]string{
		"virtual.host.s3.test": "/virtual.host/k", "Virtual.Host.s3.test:9000": "/virtual.host/k",
		"s3.test": "/virtual.host/virtual.host/k", "other.example": "/virtual.host/virtual.host/k",
	} {
		resp, body := send(host, target)
		require.Equal(t, 200, resp.StatusCode, host)
		require.Equal(t, "x", body)
	}
	_, body := send("virtual.host.s3.test", "/")
	require.Equal(t, "virtual.host/k", element(body, "Key"))
}

// TestPayloads sends one body in every protection a client may choose.
func TestPayloads(t *testing.T) {
	e := newEnv(t)
	b := e.bucket("payloads")
	body := pattern(200_000)
	for name, change := range map[string]func(*s3.Options){
		"signed":           func(*s3.Options) {},
		"unsigned":         s3.WithAPIOptions(v4.SwapComputePayloadSHA256ForUnsignedPayloadMiddleware),
		"checksum":         func(o *s3.Options) { o.RequestChecksumCalculation = aws.RequestChecksumCalculationWhenSupported },
		"unsigned trailer": func(o *s3.Options) { o.RequestChecksumCalculation = aws.RequestChecksumCalculationWhenSupported },
	} {
		in := &s3.PutObjectInput{Bucket: &b, Key: &name, Body: strings.NewReader(string(body)), ContentEncoding: aws.String("gzip")}
		c := e.alice(change)
		if name == "unsigned trailer" { // the client sends trailers over TLS, and for what cannot seek
			tls := httptest.NewTLSServer(e.gateway)
			defer tls.Close()
			in.Body = io.MultiReader(in.Body)
			in.ContentLength = aws.Int64(int64(len(body)))
			c = e.alice(change, func(o *s3.Options) { o.BaseEndpoint, o.HTTPClient = &tls.URL, tls.Client() })
		}
		_, err := c.PutObject(t.Context(), in)
		require.NoError(t, err, name)
		require.Equal(t, body, e.get(b, name), name)
		h, err := c.HeadObject(t.Context(), &s3.HeadObjectInput{Bucket: &b, Key: &name})
		require.NoError(t, err)
		require.Equal(t, "gzip", *h.ContentEncoding, name)
	}
	req := e.rawRequest("PUT", "/payloads/k", strings.NewReader("hello"))
	e.sign(req, e.key, emptyHash, time.Now())
	_, answer := e.send(req)
	require.Equal(t, "XAmzContentSHA256Mismatch", element(answer, "Code"))
}

// TestUnknownLength sends bodies whose end alone tells their length.
func TestUnknownLength(t *testing.T) {
	e := newEnv(t)
	e.bucket("endless")
	send := func(target, payload string, body []byte) (*http.Response, string) {
		req := e.rawRequest("PUT", "/endless"+target, io.MultiReader(bytes.NewReader(body)))
		e.sign(req, e.key, payload, time.Now())
		return e.send(req)
	}
	for _, n := range []int{0, 5, 4096, 4097, 9 << 20} {
		resp, answer := send("/k", "UNSIGNED-PAYLOAD", pattern(n))
		require.Equal(t, 200, resp.StatusCode, answer)
		require.True(t, bytes.Equal(pattern(n), e.get("endless", "k")), "%d bytes", n)
	}
	_, answer := send("/k2", emptyHash, []byte("hello"))
	require.Equal(t, "XAmzContentSHA256Mismatch", element(answer, "Code"))
	for target, payload := range map[string]string{"/k2": "STREAMING-UNSIGNED-PAYLOAD-TRAILER", "?acl": "UNSIGNED-PAYLOAD"} {
		resp, answer := send(target, payload, []byte("hello"))
		require.Equal(t, 411, resp.StatusCode, target)
		require.Equal(t, "MissingContentLength", element(answer, "Code"))
	}
	resp, _ := e.raw("HEAD", "/endless/k2", nil)
	require.Equal(t, 404, resp.StatusCode)
}

// TestUnsignedTrailerBytes sends what the aws command line sends over TLS.
func TestUnsignedTrailerBytes(t *testing.T) {
	e := newEnv(t)
	e.bucket("trailers")
	send := func(key, body string) (*http.Response, string) {
		req := e.rawRequest("PUT", "/trailers/"+key, io.MultiReader(strings.NewReader(body)),
			"Content-Encoding", "aws-chunked", "X-Amz-Trailer", "x-amz-checksum-crc32", "X-Amz-Decoded-Content-Length", "5")
		e.sign(req, e.key, "STREAMING-UNSIGNED-PAYLOAD-TRAILER", time.Now())
		return e.send(req)
	}
	resp, _ := send("good", "5\r\nhello\r\n0\r\nx-amz-checksum-crc32:NhCmhg==\r\n\r\n\r\n")
	require.Equal(t, 200, resp.StatusCode)
	require.Equal(t, "NhCmhg==", resp.Header.Get("X-Amz-Checksum-Crc32"))
	for body, want := range map[string]string{
		"5\r\nhello\r\n0\r\nx-amz-checksum-crc32:AAAAAA==\r\n\r\n": "BadDigest",
		"5\r\nhello\r\n0\r\nx-amz-checksum-crc32:bad\r\n\r\n":      "InvalidRequest",
		"5\r\nhello\r\n0\r\n\r\n":                                  "MalformedTrailerError",
		"5\r\nhel":                                                 "IncompleteBody",
	} {
		_, answer := send("bad", body)
		require.Equal(t, want, element(answer, "Code"), "%q", body)
	}
	resp, _ = e.raw("HEAD", "/trailers/bad", nil)
	require.Equal(t, 404, resp.StatusCode)
	resp, _ = e.raw("HEAD", "/trailers/good", nil)
	require.Empty(t, resp.Header.Get("Content-Encoding"))
}
