package e2e

import (
	"bytes"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/stretchr/testify/require"

	"cairn/internal/testproc"
)

// testSDK writes through one node and reads through another.
func testSDK(t *testing.T, c *testproc.Cluster) {
	w, r := newSDK(t, c, "a1"), newSDK(t, c, "c2")
	w.createBucket(t, "sdk")
	t.Run("sizes", func(t *testing.T) { sdkSizes(t, w, r) })
	t.Run("ranges", func(t *testing.T) { sdkRanges(t, w, r) })
	t.Run("hostile-keys", func(t *testing.T) { sdkHostileKeys(t, w, r) })
	t.Run("presign", func(t *testing.T) { sdkPresign(t, w, httpClient(t, c)) })
	t.Run("multipart", func(t *testing.T) { sdkMultipart(t, w, r) })
	t.Run("resume", func(t *testing.T) { sdkResume(t, w, r) })
	t.Run("copy", func(t *testing.T) { sdkCopy(t, w, r) })
	t.Run("delete", func(t *testing.T) { sdkDelete(t, w, r) })
}

// sdkSizes puts with the SDK's CRC64NVME and lets it check what it gets.
func sdkSizes(t *testing.T, w, r sdk) {
	for _, size := range []int{0, 1, 4 << 10, 4<<10 + 1, 128<<10 - 1, 128 << 10, 512<<10 + 1, 8 << 20, 8<<20 + 1, 33 << 20} {
		body := random(byte(size), size)
		put, err := w.PutObject(t.Context(), &s3.PutObjectInput{
			Bucket: aws.String("sdk"), Key: aws.String("size"), Body: bytes.NewReader(body),
			ChecksumAlgorithm: types.ChecksumAlgorithmCrc64nvme, Metadata: map[string]string{"kind": "test"},
		})
		require.NoError(t, err, size)
		get, err := r.GetObject(t.Context(), &s3.GetObjectInput{
			Bucket: aws.String("sdk"), Key: aws.String("size"), ChecksumMode: types.ChecksumModeEnabled,
		})
		require.NoError(t, err, size)
		got, err := io.ReadAll(get.Body)
		require.NoError(t, err, size)
		require.NoError(t, get.Body.Close())
		require.True(t, bytes.Equal(body, got), "%d bytes", size)
		require.Equal(t, aws.ToString(put.ChecksumCRC64NVME), aws.ToString(get.ChecksumCRC64NVME))
		require.NotEmpty(t, aws.ToString(put.ChecksumCRC64NVME))
		require.Equal(t, put.ETag, get.ETag)
		require.Equal(t, map[string]string{"kind": "test"}, get.Metadata)
	}
}

// sdkRanges reads pieces that cross shards and blobs.
func sdkRanges(t *testing.T, w, r sdk) {
	body := random(7, 20<<20+11)
	w.put(t, "sdk", "ranges", body)
	for header, want := range map[string][]byte{
		"bytes=0-0":                 body[:1],
		"bytes=4095-4096":           body[4095:4097],
		"bytes=8388600-8388620":     body[8388600:8388621],
		"bytes=2796200-11000000":    body[2796200:11000001],
		"bytes=-5":                  body[len(body)-5:],
		"bytes=20971520-":           body[20971520:],
		"bytes=20971520-9999999999": body[20971520:],
	} {
		out, err := r.GetObject(t.Context(), &s3.GetObjectInput{Bucket: aws.String("sdk"), Key: aws.String("ranges"), Range: &header})
		require.NoError(t, err, header)
		got, err := io.ReadAll(out.Body)
		require.NoError(t, err, header)
		require.NoError(t, out.Body.Close())
		require.True(t, bytes.Equal(want, got), header)
	}
	_, err := r.GetObject(t.Context(), &s3.GetObjectInput{Bucket: aws.String("sdk"), Key: aws.String("ranges"), Range: aws.String("bytes=99999999-")})
	require.ErrorContains(t, err, "InvalidRange")
}

// hostileKeys are what paths, URLs, XML and sorting stumble over.
var hostileKeys = []string{
	".", "..", "../up", "a/../b", "a/./b", "a//b", "/leading", "trailing/", "//", " ", " both ends ",
	"a+b", "a b", "a%20b", "%41", "%", "%zz", "?x=y", "#z", "a&b=c;d", "<k>&amp;\"'", "]]>", "*'()!~", "\\back\\slash",
	"tab\there", "line\nbreak", "é", "e\u0301", "日本語/ключ", "🙂", strings.Repeat("k", 1024), strings.Repeat("ü", 512),
	"?versions", "uploads", "acl", "con.txt:stream",
}

// unwritable are keys that XML 1.0 has no way to write: they can be listed in
// URL encoding only, and deleted one by one only.
var unwritable = []string{"\x01\x1f\x7f", "\uffff"}

func sdkHostileKeys(t *testing.T, w, r sdk) {
	w.createBucket(t, "hostile")
	all := slices.Concat(hostileKeys, unwritable)
	for i, key := range all {
		w.put(t, "hostile", key, random(byte(i), 10+i))
	}
	require.ElementsMatch(t, all, r.keys(t, "hostile"))
	for i, key := range all {
		require.Equal(t, random(byte(i), 10+i), r.get(t, "hostile", key), "%q", key)
	}
	var ids []types.ObjectIdentifier
	for _, key := range hostileKeys {
		ids = append(ids, types.ObjectIdentifier{Key: &key})
	}
	out, err := w.DeleteObjects(t.Context(), &s3.DeleteObjectsInput{Bucket: aws.String("hostile"), Delete: &types.Delete{Objects: ids}})
	require.NoError(t, err)
	require.Empty(t, out.Errors)
	require.ElementsMatch(t, unwritable, r.keys(t, "hostile"))
	for _, key := range unwritable {
		_, err := w.DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: aws.String("hostile"), Key: &key})
		require.NoError(t, err)
	}
	_, err = w.DeleteBucket(t.Context(), &s3.DeleteBucketInput{Bucket: aws.String("hostile")})
	require.NoError(t, err, "it is empty")
}

// sdkPresign puts and gets with nothing but an address.
func sdkPresign(t *testing.T, w sdk, client *http.Client) {
	p := s3.NewPresignClient(w.Client, s3.WithPresignExpires(time.Minute))
	put, err := p.PresignPutObject(t.Context(), &s3.PutObjectInput{Bucket: aws.String("sdk"), Key: aws.String("by address")})
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, send(t, client, put.Method, put.URL, put.SignedHeader, "hello"))
	require.Equal(t, "hello", string(w.get(t, "sdk", "by address")))

	del, err := p.PresignDeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: aws.String("sdk"), Key: aws.String("by address")})
	require.NoError(t, err)
	require.Equal(t, http.StatusForbidden, send(t, client, http.MethodGet, del.URL, nil, ""), "an address is for one method")
	require.Equal(t, http.StatusNoContent, send(t, client, del.Method, del.URL, del.SignedHeader, ""))
}

func send(t *testing.T, client *http.Client, method, url string, header http.Header, body string) int {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	require.NoError(t, err)
	for k, v := range header {
		if k != "Host" && k != "Content-Length" {
			req.Header[k] = v
		}
	}
	resp, err := client.Do(req)
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	return resp.StatusCode
}

// sdkDelete deletes many at once, those that are not there too.
func sdkDelete(t *testing.T, w, r sdk) {
	w.createBucket(t, "gone")
	ids := []types.ObjectIdentifier{{Key: aws.String("never was")}}
	for i := range 30 {
		key := string(rune('A' + i))
		w.put(t, "gone", key, random(byte(i), 1000*i))
		ids = append(ids, types.ObjectIdentifier{Key: &key})
	}
	out, err := r.DeleteObjects(t.Context(), &s3.DeleteObjectsInput{Bucket: aws.String("gone"), Delete: &types.Delete{Objects: ids}})
	require.NoError(t, err)
	require.Empty(t, out.Errors)
	require.Len(t, out.Deleted, len(ids))
	_, err = w.GetObject(t.Context(), &s3.GetObjectInput{Bucket: aws.String("gone"), Key: aws.String("A")})
	require.ErrorContains(t, err, "NoSuchKey")
	_, err = w.DeleteBucket(t.Context(), &s3.DeleteBucketInput{Bucket: aws.String("gone")})
	require.NoError(t, err)
}
