package objectapi

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/stretchr/testify/require"

	"cairn/objectapi/checksum"
)

const partSize = 5 << 20

// upload is a multipart upload under test.
type testUpload struct {
	e      *env
	c      *s3.Client
	bucket string
	key    string
	id     *string
	alg    types.ChecksumAlgorithm
	done   []types.CompletedPart
}

func (e *env) upload(bucket, key string, in s3.CreateMultipartUploadInput) *testUpload {
	in.Bucket, in.Key = &bucket, &key
	out, err := e.alice().CreateMultipartUpload(e.t.Context(), &in)
	require.NoError(e.t, err)
	return &testUpload{e: e, c: e.alice(), bucket: bucket, key: key, id: out.UploadId, alg: in.ChecksumAlgorithm}
}

func (u *testUpload) part(n int32, body []byte) {
	out, err := u.c.UploadPart(u.e.t.Context(), &s3.UploadPartInput{
		Bucket: &u.bucket, Key: &u.key, UploadId: u.id, PartNumber: &n, Body: bytes.NewReader(body), ChecksumAlgorithm: u.alg,
	})
	require.NoError(u.e.t, err)
	u.done = append(u.done, types.CompletedPart{
		PartNumber: &n, ETag: out.ETag, ChecksumCRC32: out.ChecksumCRC32, ChecksumCRC32C: out.ChecksumCRC32C,
		ChecksumCRC64NVME: out.ChecksumCRC64NVME, ChecksumSHA1: out.ChecksumSHA1, ChecksumSHA256: out.ChecksumSHA256,
	})
}

func (u *testUpload) complete(change ...func(*s3.CompleteMultipartUploadInput)) (*s3.CompleteMultipartUploadOutput, error) {
	in := &s3.CompleteMultipartUploadInput{Bucket: &u.bucket, Key: &u.key, UploadId: u.id, MultipartUpload: &types.CompletedMultipartUpload{Parts: u.done}}
	for _, f := range change {
		f(in)
	}
	return u.c.CompleteMultipartUpload(u.e.t.Context(), in)
}

func TestMultipart(t *testing.T) {
	e := newEnv(t)
	b := e.bucket("multipart")
	u := e.upload(b, "dir/k", s3.CreateMultipartUploadInput{ContentType: aws.String("a/b"), Metadata: map[string]string{"m": "1"}})
	first, third := bytes.Repeat([]byte("a"), partSize), []byte("b")
	u.part(1, first)
	u.part(7, pattern(100)) // replaced
	u.done = u.done[:1]
	u.part(7, third)

	out, err := u.c.ListParts(t.Context(), &s3.ListPartsInput{Bucket: &b, Key: &u.key, UploadId: u.id, MaxParts: aws.Int32(1)})
	require.NoError(t, err)
	require.True(t, *out.IsTruncated)
	require.Equal(t, "1", *out.NextPartNumberMarker)
	require.EqualValues(t, partSize, *out.Parts[0].Size)
	_, err = u.c.HeadObject(t.Context(), &s3.HeadObjectInput{Bucket: &b, Key: &u.key})
	status(t, 404, err)

	done, err := u.complete(func(in *s3.CompleteMultipartUploadInput) { in.MpuObjectSize = aws.Int64(partSize + 1) })
	require.NoError(t, err)
	require.Equal(t, `"e5a8c5272b26fc10581a21089559b006-2"`, *done.ETag)
	require.True(t, strings.HasSuffix(*done.Location, "/multipart/dir/k"))
	again, err := u.complete()
	require.NoError(t, err, "a repeated Complete")
	require.Equal(t, done.ETag, again.ETag)
	require.True(t, bytes.Equal(append(first, third...), e.get(b, u.key)))

	h, err := u.c.HeadObject(t.Context(), &s3.HeadObjectInput{Bucket: &b, Key: &u.key, PartNumber: aws.Int32(2)})
	require.NoError(t, err)
	require.EqualValues(t, 1, *h.ContentLength)
	require.EqualValues(t, 2, *h.PartsCount)
	require.Equal(t, map[string]string{"m": "1"}, h.Metadata)
	resp, body := e.raw("GET", "/multipart/dir/k?partNumber=2", nil)
	require.Equal(t, 206, resp.StatusCode)
	require.Equal(t, "b", body)
	require.Equal(t, fmt.Sprintf("bytes %d-%d/%d", partSize, partSize, partSize+1), resp.Header.Get("Content-Range"))
	resp, body = e.raw("GET", "/multipart/dir/k?partNumber=3", nil)
	require.Equal(t, 416, resp.StatusCode)
	require.Equal(t, "InvalidPartNumber", element(body, "Code"))

	attrs, err := u.c.GetObjectAttributes(t.Context(), &s3.GetObjectAttributesInput{Bucket: &b, Key: &u.key, ObjectAttributes: []types.ObjectAttributes{types.ObjectAttributesObjectParts}})
	require.NoError(t, err)
	require.EqualValues(t, 2, *attrs.ObjectParts.TotalPartsCount)
	require.Len(t, attrs.ObjectParts.Parts, 2)
}

func TestMultipartErrors(t *testing.T) {
	e := newEnv(t)
	b := e.bucket("mp-errors")
	u := e.upload(b, "k", s3.CreateMultipartUploadInput{})
	u.part(1, pattern(10))
	u.part(2, pattern(10))
	_, err := u.complete()
	code(t, "EntityTooSmall", err)
	good := u.done
	u.done = []types.CompletedPart{good[1], good[0]}
	_, err = u.complete()
	code(t, "InvalidPartOrder", err)
	for _, bad := range []types.CompletedPart{
		{PartNumber: aws.Int32(1), ETag: good[1].ETag}, {PartNumber: aws.Int32(3), ETag: good[0].ETag}, {PartNumber: aws.Int32(1), ETag: aws.String("x")},
	} {
		u.done = []types.CompletedPart{bad}
		if *bad.ETag == *good[1].ETag && *good[0].ETag == *good[1].ETag {
			continue // equal parts have equal tags
		}
		_, err = u.complete()
		code(t, "InvalidPart", err)
	}
	u.done = []types.CompletedPart{good[0], good[0]}
	_, err = u.complete()
	code(t, "InvalidPartOrder", err)
	u.done = []types.CompletedPart{{PartNumber: aws.Int32(10_001), ETag: good[0].ETag}}
	_, err = u.complete()
	code(t, "InvalidPart", err)
	u.done = nil
	_, err = u.complete()
	code(t, "MalformedXML", err)
	u.done = good[:1]
	_, err = u.complete(func(in *s3.CompleteMultipartUploadInput) { in.MpuObjectSize = aws.Int64(11) })
	code(t, "InvalidRequest", err)
	_, body := e.raw("PUT", "/mp-errors/k?partNumber=10001&uploadId="+*u.id, strings.NewReader("x"))
	require.Equal(t, "InvalidArgument", element(body, "Code"))
	for _, id := range []string{"nonsense", strings.Repeat("0", 32)} {
		_, body = e.raw("PUT", "/mp-errors/k?partNumber=1&uploadId="+id, strings.NewReader("x"))
		require.Equal(t, "NoSuchUpload", element(body, "Code"))
	}

	_, err = u.c.AbortMultipartUpload(t.Context(), &s3.AbortMultipartUploadInput{Bucket: &b, Key: &u.key, UploadId: u.id})
	require.NoError(t, err)
	_, err = u.c.AbortMultipartUpload(t.Context(), &s3.AbortMultipartUploadInput{Bucket: &b, Key: &u.key, UploadId: u.id})
	code(t, "NoSuchUpload", err)
	_, err = u.complete()
	code(t, "NoSuchUpload", err)
	_, err = u.c.ListParts(t.Context(), &s3.ListPartsInput{Bucket: &b, Key: &u.key, UploadId: u.id})
	code(t, "NoSuchUpload", err)
}

func TestMultipartChecksums(t *testing.T) {
	e := newEnv(t)
	b := e.bucket("mp-sums")
	first, last := pattern(partSize), []byte("b")
	whole := append(bytes.Clone(first), last...)
	for _, c := range []struct {
		alg checksum.Algorithm
		typ checksum.Type
	}{
		{checksum.CRC32, checksum.Composite}, {checksum.CRC32, checksum.FullObject}, {checksum.CRC32C, checksum.FullObject},
		{checksum.CRC64NVME, checksum.FullObject}, {checksum.SHA1, checksum.Composite}, {checksum.SHA256, checksum.Composite},
	} {
		u := e.upload(b, "k", s3.CreateMultipartUploadInput{ChecksumAlgorithm: types.ChecksumAlgorithm(c.alg.String()), ChecksumType: types.ChecksumType(c.typ.String())})
		u.part(1, first)
		u.part(2, last)
		_, err := u.complete()
		require.NoError(t, err, "%s %s", c.alg, c.typ)
		want := checksum.Encode(c.alg.Sum(whole))
		if c.typ == checksum.Composite {
			want = checksum.EncodeComposite(checksum.CompositeOf(c.alg, c.alg.Sum(first), c.alg.Sum(last)), 2)
		}
		resp, _ := e.raw("HEAD", "/mp-sums/k", nil, "X-Amz-Checksum-Mode", "ENABLED")
		require.Equal(t, want, resp.Header.Get(c.alg.Header()))
		require.Equal(t, c.typ.String(), resp.Header.Get("X-Amz-Checksum-Type"))
	}
	u := e.upload(b, "k", s3.CreateMultipartUploadInput{ChecksumAlgorithm: types.ChecksumAlgorithmCrc32})
	u.part(1, last)
	u.done[0].ChecksumCRC32 = aws.String("AAAAAA==")
	_, err := u.complete()
	code(t, "InvalidPart", err)
	_, body := e.raw("POST", "/mp-sums/k?uploads", nil, "X-Amz-Checksum-Algorithm", "SHA256", "X-Amz-Checksum-Type", "FULL_OBJECT")
	require.Equal(t, "InvalidRequest", element(body, "Code"))

	// Parts of an upload without an algorithm may have any; it is only checked.
	u = e.upload(b, "k", s3.CreateMultipartUploadInput{})
	u.alg = types.ChecksumAlgorithmSha256
	u.part(1, last)
	require.NotEmpty(t, u.done[0].ChecksumSHA256)
	_, err = u.complete()
	require.NoError(t, err)
}

func TestUploadPartCopy(t *testing.T) {
	e := newEnv(t)
	b := e.bucket("part-copy")
	body := pattern(12 << 20)
	e.put(b, "source", body)
	u := e.upload(b, "k", s3.CreateMultipartUploadInput{})
	for i, rng := range []string{"bytes=0-5242879", "bytes=5242880-12582911"} {
		n := int32(i + 1)
		out, err := u.c.UploadPartCopy(t.Context(), &s3.UploadPartCopyInput{
			Bucket: &b, Key: &u.key, UploadId: u.id, PartNumber: &n, CopySource: aws.String("/part-copy/source"), CopySourceRange: &rng,
		})
		require.NoError(t, err)
		u.done = append(u.done, types.CompletedPart{PartNumber: &n, ETag: out.CopyPartResult.ETag})
	}
	for rng, want := range map[string]string{"bytes=0-12582912": "InvalidRange", "bytes=0-": "InvalidArgument", "x": "InvalidArgument"} {
		_, err := u.c.UploadPartCopy(t.Context(), &s3.UploadPartCopyInput{
			Bucket: &b, Key: &u.key, UploadId: u.id, PartNumber: aws.Int32(3), CopySource: aws.String("/part-copy/source"), CopySourceRange: &rng,
		})
		code(t, want, err)
	}
	_, err := u.complete()
	require.NoError(t, err)
	require.True(t, bytes.Equal(body, e.get(b, "k")))
}

func TestListUploads(t *testing.T) {
	e := newEnv(t)
	b := e.bucket("list-uploads")
	var want []string
	for _, key := range []string{"a", "a", "d/x", "d/y", "e"} {
		u := e.upload(b, key, s3.CreateMultipartUploadInput{})
		want = append(want, key+" "+*u.id)
	}
	var got []string
	in := &s3.ListMultipartUploadsInput{Bucket: &b, MaxUploads: aws.Int32(2)}
	for {
		out, err := e.alice().ListMultipartUploads(t.Context(), in)
		require.NoError(t, err)
		for _, u := range out.Uploads {
			got = append(got, *u.Key+" "+*u.UploadId)
		}
		if !*out.IsTruncated {
			break
		}
		in.KeyMarker, in.UploadIdMarker = out.NextKeyMarker, out.NextUploadIdMarker
	}
	require.ElementsMatch(t, want, got)
	out, err := e.alice().ListMultipartUploads(t.Context(), &s3.ListMultipartUploadsInput{Bucket: &b, Delimiter: aws.String("/")})
	require.NoError(t, err)
	require.Len(t, out.Uploads, 3)
	require.Equal(t, "d/", *out.CommonPrefixes[0].Prefix)
}
