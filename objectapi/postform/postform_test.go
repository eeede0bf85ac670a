package postform

import (
	"encoding/base64"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"cairn/objectapi/s3err"
)

const sample = `{"expiration": "2030-01-01T00:00:00.000Z", "conditions": [
	{"bucket": "b"}, ["starts-with", "$key", "user/"], ["eq", "$Content-Type", "image/png"],
	["content-length-range", 1, "100"], {"acl": "private"}]}`

var before2030 = time.Date(2029, 1, 1, 0, 0, 0, 0, time.UTC)

func encode(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }

func TestPolicy(t *testing.T) {
	p, err := ParsePolicy(encode(sample))
	require.NoError(t, err)
	require.EqualValues(t, 1, p.MinSize)
	require.EqualValues(t, 100, p.MaxSize)
	good := func() map[string]string {
		return map[string]string{"bucket": "b", "key": "user/1", "content-type": "image/png", "acl": "private", "policy": "x", "x-amz-signature": "y", "x-ignore-me": "z", "x-amz-checksum-crc32": "c"}
	}
	require.NoError(t, p.Check(good(), before2030))
	require.ErrorIs(t, p.Check(good(), before2030.AddDate(1, 0, 0)), s3err.New(s3err.AccessDenied))
	for name, value := range map[string]string{"bucket": "c", "key": "other", "content-type": "image/pngx", "acl": "", "x-amz-meta-a": "not covered"} {
		bad := good()
		bad[name] = value
		require.ErrorIs(t, p.Check(bad, before2030), s3err.New(s3err.AccessDenied), name)
	}
}

func TestPolicyMalformed(t *testing.T) {
	for _, s := range []string{
		"", "null", "[]", `{"conditions": []}`, `{"expiration": "2030-01-01T00:00:00Z"}`,
		`{"expiration": "x", "conditions": []}`,
		`{"Expiration": "2030-01-01T00:00:00Z", "conditions": []}`,
		`{"expiration": "2030-01-01T00:00:00Z", "CONDITIONS": []}`,
		`{"expiration": "2030-01-01T00:00:00Z", "conditions": [{}]}`,
		`{"expiration": "2030-01-01T00:00:00Z", "conditions": [1]}`,
		`{"expiration": "2030-01-01T00:00:00Z", "conditions": [null]}`,
		`{"expiration": "2030-01-01T00:00:00Z", "conditions": [["eq", "key", "x"]]}`,
		`{"expiration": "2030-01-01T00:00:00Z", "conditions": [["ends-with", "$key", "x"]]}`,
		`{"expiration": "2030-01-01T00:00:00Z", "conditions": [["content-length-range", 5, 4]]}`,
		`{"expiration": "2030-01-01T00:00:00Z", "conditions": [["content-length-range", -1, 4]]}`,
	} {
		_, err := ParsePolicy(encode(s))
		require.ErrorIs(t, err, s3err.New(s3err.InvalidPolicyDocument), s)
	}
	_, err := ParsePolicy("not base64!")
	require.Error(t, err)
}

func form(fields ...string) string {
	var b strings.Builder
	for i := 0; i < len(fields); i += 2 {
		b.WriteString("--X\r\nContent-Disposition: form-data; name=\"" + fields[i] + "\"\r\n\r\n" + fields[i+1] + "\r\n")
	}
	return b.String()
}

const file = "--X\r\nContent-Disposition: form-data; name=\"file\"; filename=\"C:\\dir\\a.png\"\r\nContent-Type: image/png\r\n\r\nhello\r\n--X--\r\n"

func TestForm(t *testing.T) {
	f, err := Read(strings.NewReader(form("Key", "user/${filename}", "key", "second")+file), "X", 1000)
	require.NoError(t, err)
	require.Equal(t, "user/a.png", f.Key())
	require.Equal(t, "image/png", f.FileType)
	data, err := io.ReadAll(f.File)
	require.NoError(t, err)
	require.Equal(t, "hello", string(data))

	f, err = Read(strings.NewReader(form("key", "k")+file[:len(file)-8]), "X", 1000)
	require.NoError(t, err)
	_, err = io.ReadAll(f.File)
	require.ErrorIs(t, err, io.ErrUnexpectedEOF, "a form that is cut short")

	for name, body := range map[string]string{
		"no file":   form("key", "k") + "--X--\r\n",
		"big field": form("key", strings.Repeat("k", maxField+1)) + file,
		"too much":  strings.Repeat(form("a", strings.Repeat("k", 1000)), 1000),
		"no form":   "hello",
	} {
		_, err = Read(strings.NewReader(body), "X", 1000)
		require.Error(t, err, name)
	}
}

func FuzzPolicy(f *testing.F) {
	f.Add(sample)
	f.Fuzz(func(t *testing.T, s string) {
		p, err := ParsePolicy(encode(s))
		if err != nil {
			return
		}
		require.LessOrEqual(t, p.MinSize, int64(1)<<53)
		// A field that no condition names is never allowed.
		require.Error(t, p.Check(map[string]string{"x-amz-meta-never-named \xff": "v"}, time.Time{}))
	})
}

func FuzzForm(f *testing.F) {
	f.Add(form("key", "k") + file)
	f.Fuzz(func(t *testing.T, s string) {
		form, err := Read(strings.NewReader(s), "X", 1000)
		if err == nil {
			data, _ := io.ReadAll(form.File)
			require.LessOrEqual(t, len(data), 1000)
		}
	})
}
