package objectapi

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// signPolicy signs a policy as the form's maker does.
func signPolicy(policy, secret, date string) string {
	k := []byte("AWS4" + secret)
	for _, s := range []string{date, "us-east-1", "s3", "aws4_request", policy} {
		h := hmac.New(sha256.New, k)
		h.Write([]byte(s))
		k = h.Sum(nil)
	}
	return hex.EncodeToString(k)
}

// form is a form's content type and body.
type form struct {
	contentType string
	body        []byte
}

func makeForm(t testing.TB, file []byte, fields ...string) form {
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	for i := 0; i < len(fields); i += 2 {
		require.NoError(t, w.WriteField(fields[i], fields[i+1]))
	}
	part, err := w.CreateFormFile("file", "photo.png")
	require.NoError(t, err)
	_, err = part.Write(file)
	require.NoError(t, err)
	require.NoError(t, w.Close())
	return form{w.FormDataContentType(), b.Bytes()}
}

// signedForm makes a form with a policy of alice's.
func (e *env) signedForm(file []byte, conditions string, fields ...string) form {
	date := time.Now().UTC().Format("20060102")
	credential := e.key.ID + "/" + date + "/us-east-1/s3/aws4_request"
	policy := b64([]byte(fmt.Sprintf(`{"expiration": %q, "conditions": [
		["starts-with", "$x-amz-algorithm", ""], ["starts-with", "$x-amz-credential", ""], ["starts-with", "$x-amz-date", ""], %s]}`,
		time.Now().Add(time.Hour).UTC().Format(time.RFC3339), conditions)))
	return makeForm(e.t, file, append(fields, "x-amz-algorithm", "AWS4-HMAC-SHA256", "x-amz-credential", credential,
		"x-amz-date", date+"T000000Z", "policy", policy, "x-amz-signature", signPolicy(policy, e.key.Secret, date))...)
}

func (e *env) sendForm(bucket string, f form) (*http.Response, string) {
	client := *e.server.Client()
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	resp, err := client.Do(e.rawRequest("POST", "/"+bucket, bytes.NewReader(f.body), "Content-Type", f.contentType))
	require.NoError(e.t, err)
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	require.NoError(e.t, err)
	return resp, string(body)
}

func (e *env) post(bucket string, file []byte, conditions string, fields ...string) (*http.Response, string) {
	return e.sendForm(bucket, e.signedForm(file, conditions, fields...))
}

const anyKey = `["starts-with", "$key", "up/"], {"bucket": "forms"}`

func TestPostObject(t *testing.T) {
	e := newEnv(t)
	b := e.bucket("forms")
	for _, n := range []int{0, 100, 4096, 4097, 100_000, 9 << 20} {
		resp, body := e.post(b, pattern(n), anyKey, "key", "up/${filename}")
		require.Equal(t, 204, resp.StatusCode, body)
		require.True(t, bytes.Equal(pattern(n), e.get(b, "up/photo.png")), n)
	}
	resp, body := e.post(b, []byte("x"), anyKey+`, {"success_action_status": "201"}, {"x-amz-meta-m": "1"}, ["starts-with", "$Content-Type", "image/"]`,
		"key", "up/a b", "success_action_status", "201", "x-amz-meta-m", "1", "Content-Type", "image/png")
	require.Equal(t, 201, resp.StatusCode, body)
	require.Equal(t, "up/a b", element(body, "Key"))
	require.True(t, strings.HasSuffix(element(body, "Location"), "/forms/up/a%20b"))
	resp, _ = e.raw("HEAD", "/forms/up/a%20b", nil)
	require.Equal(t, "1", resp.Header.Get("X-Amz-Meta-M"))
	require.Equal(t, "image/png", resp.Header.Get("Content-Type"))
	resp, _ = e.post(b, []byte("x"), anyKey+`, ["starts-with", "$success_action_redirect", ""]`, "key", "up/r", "success_action_redirect", "http://example.test/done?a=1")
	require.Equal(t, 303, resp.StatusCode)
	require.Equal(t, "http://example.test/done?a=1&bucket=forms&etag=%229dd4e461268c8034f5c8564e155c67a6%22&key=up%2Fr", resp.Header.Get("Location"))
}

func TestPostRefused(t *testing.T) {
	e := newEnv(t)
	b := e.bucket("forms")
	for _, c := range []struct {
		conditions string
		fields     []string
		want       string
	}{
		{anyKey, []string{"key", "down/x"}, "AccessDenied"},
		{anyKey, []string{"key", "up/x", "x-amz-meta-extra", "1"}, "AccessDenied"},
		{`["starts-with", "$key", ""], {"bucket": "other"}`, []string{"key", "up/x"}, "AccessDenied"},
		{anyKey + `, ["content-length-range", 0, 9]`, []string{"key", "up/x"}, "EntityTooLarge"},
		{anyKey + `, ["content-length-range", 11, 20]`, []string{"key", "up/x"}, "EntityTooSmall"},
		{anyKey, nil, "InvalidArgument"},
		{anyKey + `, ["starts-with", "$content-md5", ""]`, []string{"key", "up/x", "Content-MD5", "1B2M2Y8AsgTpgAmY7PhCfg=="}, "BadDigest"},
		{`"nonsense"`, []string{"key", "up/x"}, "InvalidPolicyDocument"},
	} {
		_, body := e.post(b, []byte("0123456789"), c.conditions, c.fields...)
		require.Equal(t, c.want, element(body, "Code"), "%v: %s", c, body)
	}
	_, body := e.sendForm(b, makeForm(t, []byte("x"), "key", "up/x"))
	require.Equal(t, "AccessDenied", element(body, "Code"), "an anonymous form")
	_, body = e.post("nothing", []byte("x"), `["starts-with", "$key", ""]`, "key", "x")
	require.Equal(t, "NoSuchBucket", element(body, "Code"))
	_, body = e.raw("POST", "/forms", strings.NewReader("x"), "Content-Type", "text/plain")
	require.Equal(t, "PreconditionFailed", element(body, "Code"))
	resp, _ := e.raw("HEAD", "/forms/up/x", nil)
	require.Equal(t, 404, resp.StatusCode)
}

// TestPostCutShort ends the form in the middle of the file.
func TestPostCutShort(t *testing.T) {
	e := newEnv(t)
	b := e.bucket("forms")
	for _, n := range []int{10, 100_000} {
		f := e.signedForm(pattern(n), anyKey, "key", "up/cut")
		f.body = f.body[:len(f.body)-30]
		resp, body := e.sendForm(b, f)
		require.Equal(t, 400, resp.StatusCode, body)
		resp, _ = e.raw("HEAD", "/forms/up/cut", nil)
		require.Equal(t, 404, resp.StatusCode)
	}
}
