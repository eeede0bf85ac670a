package sigv4

import (
	"bytes"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"cairn/objectapi/s3err"
	"cairn/objectapi/uri"
)

func TestRefusals(t *testing.T) {
	sig := strings.Repeat("0", 64)
	signed := "host;x-amz-content-sha256;x-amz-date"
	header := func(auth string, more ...string) *Request {
		return newRequest(t, "GET", "h", "/b", append([]string{"X-Amz-Date:" + date, "X-Amz-Content-Sha256:" + noBody, "Authorization: " + auth}, more...)...)
	}
	v4 := func(credential, signed, sig string) string {
		return "AWS4-HMAC-SHA256 Credential=" + credential + ", SignedHeaders=" + signed + ", Signature=" + sig
	}
	good := accessKey + "/" + scopeText
	query := func(expires, more string) *Request {
		return newRequest(t, "GET", "h", "/b?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential="+good+"&X-Amz-Date="+date+
			"&X-Amz-Expires="+expires+"&X-Amz-SignedHeaders=host&X-Amz-Signature="+sig+more)
	}
	for name, c := range map[string]struct {
		r    *Request
		code s3err.Code
	}{
		"v2 header":           {header("AWS AKID:c2ln"), s3err.InvalidRequest},
		"v2 query":            {newRequest(t, "GET", "h", "/b?AWSAccessKeyId=a&Signature=b&Expires=1"), s3err.InvalidRequest},
		"v4a":                 {header("AWS4-ECDSA-P256-SHA256 Credential=x"), s3err.NotImplemented},
		"basic":               {header("Basic eDp5"), s3err.InvalidArgument},
		"two mechanisms":      {header(v4(good, signed, sig)).withQuery("X-Amz-Algorithm", algorithm), s3err.InvalidArgument},
		"no credential":       {header("AWS4-HMAC-SHA256 Signature=" + sig), s3err.AuthorizationHeaderMalformed},
		"short credential":    {header(v4("AKID/s3/aws4_request", signed, sig)), s3err.AuthorizationHeaderMalformed},
		"host not signed":     {header(v4(good, "x-amz-date", sig)), s3err.AuthorizationHeaderMalformed},
		"unsorted":            {header(v4(good, "x-amz-date;host", sig)), s3err.AuthorizationHeaderMalformed},
		"short signature":     {header(v4(good, signed, "00")), s3err.AuthorizationHeaderMalformed},
		"region":              {header(v4(accessKey+"/20130524/eu-west-1/s3/aws4_request", signed, sig)), s3err.AuthorizationHeaderMalformed},
		"service":             {header(v4(accessKey+"/20130524/us-east-1/iam/aws4_request", signed, sig)), s3err.NotImplemented},
		"scope date":          {header(v4(accessKey+"/20130523/us-east-1/s3/aws4_request", signed, sig)), s3err.SignatureDoesNotMatch},
		"signature":           {header(v4(good, signed, sig)), s3err.SignatureDoesNotMatch},
		"header not signed":   {header(v4(good, signed, sig), "X-Amz-Acl: public-read"), s3err.AccessDenied},
		"payload":             {newRequest(t, "GET", "h", "/b", "X-Amz-Date:"+date, "X-Amz-Content-Sha256: abc", authLine(signed, sig)), s3err.InvalidArgument},
		"no payload":          {newRequest(t, "GET", "h", "/b", "X-Amz-Date:"+date, authLine(signed, sig)), s3err.InvalidRequest},
		"no date":             {newRequest(t, "GET", "h", "/b", "X-Amz-Content-Sha256:"+noBody, authLine(signed, sig)), s3err.AccessDenied},
		"presigned expired":   {query("60", ""), s3err.AccessDenied},
		"presigned too long":  {query("604801", ""), s3err.AuthorizationQueryParametersError},
		"presigned zero":      {query("0", ""), s3err.AccessDenied},
		"presigned signature": {query("3600", ""), s3err.SignatureDoesNotMatch},
		"presigned half":      {newRequest(t, "GET", "h", "/b?X-Amz-Signature="+sig), s3err.AuthorizationQueryParametersError},
	} {
		_, err := verify(c.r)
		require.ErrorIs(t, err, s3err.New(c.code), name)
	}
}

func (r *Request) withQuery(name, value string) *Request {
	r.Query = append(r.Query, uri.Param{Name: name, Value: value})
	return r
}

func TestAnonymous(t *testing.T) {
	c, err := Parse(newRequest(t, "GET", "h", "/b?list-type=2"))
	require.NoError(t, err)
	require.Nil(t, c)
}

func TestSkew(t *testing.T) {
	c, err := Parse(streamedRequest(t, false))
	require.NoError(t, err)
	for d, ok := range map[time.Duration]bool{-MaxSkew: true, MaxSkew: true, MaxSkew + time.Second: false, -MaxSkew - time.Second: false} {
		err := c.Check("us-east-1", "s3", c.Time.Add(d))
		if ok {
			require.NoError(t, err, d)
		} else {
			require.ErrorIs(t, err, s3err.New(s3err.RequestTimeTooSkewed), d)
		}
	}
}

func TestHeaderValues(t *testing.T) {
	r := &Request{Header: http.Header{"X-Amz-Meta-A": {"  a   b ", "c"}}}
	v, _ := r.headerValue("x-amz-meta-a")
	require.Equal(t, "a b,c", v)
}

func FuzzParse(f *testing.F) {
	f.Add("AWS4-HMAC-SHA256 Credential=a/20130524/us-east-1/s3/aws4_request, SignedHeaders=host, Signature="+strings.Repeat("0", 64), "", date)
	f.Add("", "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=a%2F20130524%2Fr%2Fs3%2Faws4_request&X-Amz-Expires=1", date)
	f.Fuzz(func(t *testing.T, auth, query, date string) {
		q, err := uri.ParseQuery(query)
		if err != nil {
			return
		}
		r := &Request{Method: "GET", Path: "/", Query: q, Host: "h", Header: http.Header{
			"Authorization": {auth}, "X-Amz-Date": {date}, "X-Amz-Content-Sha256": {noBody},
		}}
		if c, err := Parse(r); err == nil && c != nil {
			require.NotEmpty(t, c.AccessKey)
			_, err := c.Verify(r, &Keys{}, "no such secret, "+auth)
			require.Error(t, err, "a signature was guessed")
		}
	})
}

func FuzzChunks(f *testing.F) {
	f.Add([]byte("5\r\nhello\r\n0\r\nx-amz-checksum-crc32:NhCmhg==\r\n\r\n"), int64(5))
	f.Add([]byte("0\r\n\r\n"), int64(0))
	f.Fuzz(func(t *testing.T, body []byte, length int64) {
		c := NewChunks(bytes.NewReader(body), UnsignedTrailer, nil, length, "x-amz-checksum-crc32")
		data, err := io.ReadAll(c)
		require.NoError(t, c.Close())
		if err == nil {
			require.EqualValues(t, length, len(data))
			require.Less(t, len(data), len(body))
		}
		c = NewChunks(bytes.NewReader(body), Streamed, &Signer{key: []byte("k")}, length, "")
		_, err = io.ReadAll(c)
		require.Error(t, err, "an unsigned body passed")
		require.NoError(t, c.Close())
	})
}
