package sigv4

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/stretchr/testify/require"

	"cairn/objectapi/s3err"
	"cairn/objectapi/uri"
)

const (
	accessKey = "AKIAIOSFODNN7EXAMPLE"
	secret    = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
	date      = "20130524T000000Z"
	scopeText = "20130524/us-east-1/s3/aws4_request"
	noBody    = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
)

var at = time.Date(2013, 5, 24, 0, 5, 0, 0, time.UTC)

// newRequest makes a request from a target and "Name: value" lines.
func newRequest(t *testing.T, method, host, target string, lines ...string) *Request {
	path, query := uri.Split(target)
	decoded, err := uri.Decode(path)
	require.NoError(t, err)
	q, err := uri.ParseQuery(query)
	require.NoError(t, err)
	r := &Request{Method: method, Path: decoded, Query: q, Host: host, Header: http.Header{}, ContentLength: -1}
	for _, l := range lines {
		name, value, _ := strings.Cut(l, ":")
		r.Header.Add(name, strings.TrimSpace(value))
	}
	return r
}

func authLine(signed, signature string) string {
	return "Authorization: AWS4-HMAC-SHA256 Credential=" + accessKey + "/" + scopeText + ",SignedHeaders=" + signed + ",Signature=" + signature
}

func verify(r *Request) (*Signer, error) {
	c, err := Parse(r)
	if err != nil {
		return nil, err
	}
	if err := c.Check("us-east-1", "s3", at); err != nil {
		return nil, err
	}
	return c.Verify(r, &remembered, secret)
}

// remembered serves all tests, as it serves all requests of a gateway.
var remembered Keys

func TestKeysAreOfTheirSecretAndScope(t *testing.T) {
	var k Keys
	scopes := []Scope{{"20130524", "us-east-1", "s3"}, {"20130525", "us-east-1", "s3"}, {"20130524", "eu-west-1", "s3"}}
	for range 2 {
		for _, secret := range []string{"a", "b"} {
			for _, s := range scopes {
				require.Equal(t, signingKey(secret, s), k.signing(secret, s))
			}
		}
	}
	for i := range 3 * maxKeys {
		k.signing(fmt.Sprint(i), scopes[0])
	}
	require.LessOrEqual(t, len(k.keys), maxKeys)
	require.Equal(t, signingKey("a", scopes[1]), k.signing("a", scopes[1]))
}

// TestVectors are the examples of AWS's documentation.
func TestVectors(t *testing.T) {
	const bucket = "examplebucket.s3.amazonaws.com"
	body := "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072" // "Welcome to Amazon S3."
	for name, r := range map[string]*Request{
		"get": newRequest(t, "GET", bucket, "/test.txt", "Range: bytes=0-9", "X-Amz-Content-Sha256:"+noBody, "X-Amz-Date:"+date,
			authLine("host;range;x-amz-content-sha256;x-amz-date", "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41")),
		"put": newRequest(t, "PUT", bucket, "/test$file.text", "Date: Fri, 24 May 2013 00:00:00 GMT", "X-Amz-Content-Sha256:"+body,
			"X-Amz-Date:"+date, "X-Amz-Storage-Class:REDUCED_REDUNDANCY",
			authLine("date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class", "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd")),
		"lifecycle": newRequest(t, "GET", bucket, "/?lifecycle", "X-Amz-Content-Sha256:"+noBody, "X-Amz-Date:"+date,
			authLine("host;x-amz-content-sha256;x-amz-date", "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543")),
		"list": newRequest(t, "GET", bucket, "/?prefix=J&max-keys=2", "X-Amz-Content-Sha256:"+noBody, "X-Amz-Date:"+date,
			authLine("host;x-amz-content-sha256;x-amz-date", "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7")),
		"presigned": newRequest(t, "GET", bucket, "/test.txt?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential="+accessKey+
			"%2F20130524%2Fus-east-1%2Fs3%2Faws4_request&X-Amz-Date="+date+"&X-Amz-Expires=86400&X-Amz-SignedHeaders=host"+
			"&X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404"),
	} {
		t.Run(name, func(t *testing.T) {
			_, err := verify(r)
			require.NoError(t, err)
			r.Method = "DELETE"
			_, err = verify(r)
			require.ErrorIs(t, err, s3err.New(s3err.SignatureDoesNotMatch))
		})
	}
}

func TestPolicyVector(t *testing.T) {
	const policy = "eyAiZXhwaXJhdGlvbiI6ICIyMDE1LTEyLTMwVDEyOjAwOjAwLjAwMFoiLA0KICAiY29uZGl0aW9ucyI6IFsNCiAgICB7ImJ1Y2tldCI6ICJzaWd2NGV4YW1wbGVidWNrZXQifSwNCiAgICBbInN0YXJ0cy13aXRoIiwgIiRrZXkiLCAidXNlci91c2VyMS8iXSwNCiAgICB7ImFjbCI6ICJwdWJsaWMtcmVhZCJ9LA0KICAgIHsic3VjY2Vzc19hY3Rpb25fcmVkaXJlY3QiOiAiaHR0cDovL3NpZ3Y0ZXhhbXBsZWJ1Y2tldC5zMy5hbWF6b25hd3MuY29tL3N1Y2Nlc3NmdWxfdXBsb2FkLmh0bWwifSwNCiAgICBbInN0YXJ0cy13aXRoIiwgIiRDb250ZW50LVR5cGUiLCAiaW1hZ2UvIl0sDQogICAgeyJ4LWFtei1tZXRhLXV1aWQiOiAiMTQzNjUxMjM2NTEyNzQifSwNCiAgICB7IngtYW16LXNlcnZlci1zaWRlLWVuY3J5cHRpb24iOiAiQUVTMjU2In0sDQogICAgWyJzdGFydHMtd2l0aCIsICIkeC1hbXotbWV0YS10YWciLCAiIl0sDQoNCiAgICB7IngtYW16LWNyZWRlbnRpYWwiOiAiQUtJQUlPU0ZPRE5ON0VYQU1QTEUvMjAxNTEyMjkvdXMtZWFzdC0xL3MzL2F3czRfcmVxdWVzdCJ9LA0KICAgIHsieC1hbXotYWxnb3JpdGhtIjogIkFXUzQtSE1BQy1TSEEyNTYifSwNCiAgICB7IngtYW16LWRhdGUiOiAiMjAxNTEyMjlUMDAwMDAwWiIgfQ0KICBdDQp9"
	c, err := ParseForm(algorithm, accessKey+"/20151229/us-east-1/s3/aws4_request", "20151229T000000Z",
		"8afdbf4008c03f22c2cd3cdb72e4afbb1f6a588f3255ac628749a66d7f09699e")
	require.NoError(t, err)
	require.NoError(t, c.CheckScope("us-east-1", "s3"))
	require.NoError(t, c.VerifyPolicy(policy, secret))
	require.Error(t, c.VerifyPolicy(policy+"A", secret))
}

// The streamed examples: 66,560 bytes 'a' in chunks of 64 KiB, 1 KiB and 0.
var (
	chunkSignatures = []string{
		"ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648",
		"0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497",
		"b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9",
	}
	trailerSignatures = []string{
		"b474d8862b1487a5145d686f57f013e54db672cee1c953b3010fb58501ef5aa2",
		"1c1344b170168f8e65b41376b44b20fe354e373826ccbbe2c1d40a8cae51e5c7",
		"2ca2aba2005185cf7159c6277faf83795951dd77a3a99e6e65d5c9f85863f992",
	}
)

const trailerText = "x-amz-checksum-crc32c:sOO8/Q==\r\nx-amz-trailer-signature:d81f82fc3505edab99d459891051a732e8730629a2e4a59689829ca17fe2e435\r\n\r\n"

func streamedRequest(t *testing.T, trailer bool) *Request {
	lines := []string{"Content-Encoding: aws-chunked", "X-Amz-Date:" + date, "X-Amz-Decoded-Content-Length: 66560", "X-Amz-Storage-Class: REDUCED_REDUNDANCY"}
	if trailer {
		lines = append(lines, "X-Amz-Content-Sha256:"+string(StreamedTrailer), "X-Amz-Trailer: x-amz-checksum-crc32c",
			authLine("content-encoding;host;x-amz-content-sha256;x-amz-date;x-amz-decoded-content-length;x-amz-storage-class;x-amz-trailer",
				"106e2a8a18243abcf37539882f36619c00e2dfc72633413f02d3b74544bfeb8e"))
	} else {
		lines = append(lines, "Content-Length: 66824", "X-Amz-Content-Sha256:"+string(Streamed),
			authLine("content-encoding;content-length;host;x-amz-content-sha256;x-amz-date;x-amz-decoded-content-length;x-amz-storage-class",
				"4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9"))
	}
	return newRequest(t, "PUT", "s3.amazonaws.com", "/examplebucket/chunkObject.txt", lines...)
}

func chunkedBody(signatures []string) string {
	var b strings.Builder
	for i, n := range []int{65536, 1024, 0} {
		fmt.Fprintf(&b, "%x;chunk-signature=%s\r\n%s", n, signatures[i], strings.Repeat("a", n))
		if n > 0 {
			b.WriteString("\r\n")
		}
	}
	return b.String()
}

func readStreamed(t *testing.T, trailer bool, body io.Reader) ([]byte, []Trailer, error) {
	r := streamedRequest(t, trailer)
	s, err := verify(r)
	require.NoError(t, err)
	c := NewChunks(body, Payload(r.Header.Get(headerPayload)), s, 66560, r.Header.Get("X-Amz-Trailer"))
	defer c.Close()
	data, err := io.ReadAll(c)
	return data, c.Trailers(), err
}

func TestStreamedVectors(t *testing.T) {
	want := bytes.Repeat([]byte("a"), 66560)
	for _, wrap := range []func(io.Reader) io.Reader{iotest.DataErrReader, iotest.HalfReader, iotest.OneByteReader} {
		data, _, err := readStreamed(t, false, wrap(strings.NewReader(chunkedBody(chunkSignatures)+"\r\n")))
		require.NoError(t, err)
		require.Equal(t, want, data)

		data, trailer, err := readStreamed(t, true, wrap(strings.NewReader(chunkedBody(trailerSignatures)+trailerText)))
		require.NoError(t, err)
		require.Equal(t, want, data)
		require.Equal(t, []Trailer{{"x-amz-checksum-crc32c", "sOO8/Q=="}}, trailer)
	}
}

// TestStreamedDamage cuts a good body at every length class and flips every
// byte class: none may read to io.EOF.
func TestStreamedDamage(t *testing.T) {
	good := chunkedBody(trailerSignatures) + trailerText
	framingBytes := []int{0, 3, 10, 40, 85, 86, 87, 90, 40000, 65623, 65624, 65625, 65640, 66700, len(good) - 80, len(good) - 100, len(good) - 120, len(good) - 150}
	for _, i := range framingBytes {
		_, _, err := readStreamed(t, true, strings.NewReader(good[:i]))
		require.Error(t, err, "cut at %d", i)
		b := []byte(good)
		b[i] ^= 1
		_, _, err = readStreamed(t, true, bytes.NewReader(b))
		require.Error(t, err, "flip at %d", i)
	}
	_, _, err := readStreamed(t, true, strings.NewReader(good+"x"))
	require.ErrorIs(t, err, s3err.New(s3err.IncompleteBody))
	broken := errors.New("connection reset")
	_, _, err = readStreamed(t, true, io.MultiReader(strings.NewReader(good[:70000%len(good)]), iotest.ErrReader(broken)))
	require.ErrorIs(t, err, broken)
}

func TestUnsignedTrailer(t *testing.T) {
	read := func(body, trailer string, length int64) ([]byte, error) {
		c := NewChunks(strings.NewReader(body), UnsignedTrailer, nil, length, trailer)
		defer c.Close()
		return io.ReadAll(c)
	}
	const crc = "x-amz-checksum-crc32"
	data, err := read("5\r\nhello\r\n0\r\nx-amz-checksum-crc32:NhCmhg==\r\n\r\n\r\n", crc, 5)
	require.NoError(t, err)
	require.Equal(t, "hello", string(data))
	for body, code := range map[string]s3err.Code{
		"5\r\nhello\r\n0\r\n\r\n":                              s3err.MalformedTrailer, // declared, not sent
		"5\r\nhello\r\n0\r\nx-amz-meta-a:b\r\n\r\n":            s3err.MalformedTrailer, // not declared
		"5\r\nhello\r\n0\r\n" + strings.Repeat("y", 5000):      s3err.MalformedTrailer,
		"4\r\nhell\r\n0\r\nx-amz-checksum-crc32:NhCmhg==\r\n":  s3err.IncompleteBody,
		"6\r\nhello!\r\n0\r\nx-amz-checksum-crc32:Nh==\r\n":    s3err.IncompleteBody,
		"4\r\nhell\r\n1\r\no\r\n0\r\n" + crc + ":NhCmhg==\r\n": s3err.InvalidChunkSizeError,
		"-1\r\n":                    s3err.IncompleteBody,
		"ffffffffffffffff\r\n":      s3err.IncompleteBody,
		strings.Repeat("0", 20_000): s3err.IncompleteBody,
	} {
		_, err := read(body, crc, 5)
		require.ErrorIs(t, err, s3err.New(code), "%.60q", body)
	}
}
