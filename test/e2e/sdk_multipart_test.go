package e2e

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"hash"
	"io"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/minio/crc64nvme"
	"github.com/stretchr/testify/require"
)

// partSize is the least that S3 takes for a part that is not the last.
const partSize = 5 << 20

// sdkMultipart sends parts with CRC64NVME. The sum of the whole object, which the
// client computes itself, is checked by the server and given back.
func sdkMultipart(t *testing.T, w, r sdk) {
	body := random(3, 3*partSize+12345)
	id := startUpload(t, w, "multipart")
	var parts []types.CompletedPart
	for i := range 4 {
		parts = append(parts, uploadPart(t, w, "multipart", id, i, body))
	}
	_, err := w.CompleteMultipartUpload(t.Context(), completion("multipart", id, parts, crc64(body[1:])))
	require.ErrorContains(t, err, "BadDigest", "another sum is refused, and the upload goes on")
	done, err := w.CompleteMultipartUpload(t.Context(), completion("multipart", id, parts, crc64(body)))
	require.NoError(t, err)
	require.Equal(t, crc64(body), aws.ToString(done.ChecksumCRC64NVME))
	requireObject(t, r, "multipart", body)
}

// sdkResume breaks off an upload and goes on with what the server still has, as
// a client does that was started again.
func sdkResume(t *testing.T, w, r sdk) {
	body := random(4, 3*partSize+1)
	id := startUpload(t, w, "resumed")
	uploadPart(t, w, "resumed", id, 0, body)
	uploadPart(t, w, "resumed", id, 2, body)

	uploads, err := r.ListMultipartUploads(t.Context(), &s3.ListMultipartUploadsInput{Bucket: aws.String("sdk")})
	require.NoError(t, err)
	require.Len(t, uploads.Uploads, 1)
	found := uploads.Uploads[0]
	require.Equal(t, []string{"resumed", id}, []string{*found.Key, *found.UploadId})
	there, err := r.ListParts(t.Context(), &s3.ListPartsInput{Bucket: aws.String("sdk"), Key: found.Key, UploadId: found.UploadId})
	require.NoError(t, err)
	have := map[int]types.CompletedPart{}
	for _, p := range there.Parts {
		have[int(*p.PartNumber)-1] = types.CompletedPart{PartNumber: p.PartNumber, ETag: p.ETag, ChecksumCRC64NVME: p.ChecksumCRC64NVME}
	}
	require.Len(t, have, 2)
	var parts []types.CompletedPart
	for i := range 4 {
		p, ok := have[i]
		if !ok {
			p = uploadPart(t, r, "resumed", id, i, body)
		}
		parts = append(parts, p)
	}
	_, err = r.CompleteMultipartUpload(t.Context(), completion("resumed", id, parts, crc64(body)))
	require.NoError(t, err)
	requireObject(t, w, "resumed", body)
}

// sdkCopy copies whole and by parts, on the server.
func sdkCopy(t *testing.T, w, r sdk) {
	body := random(5, 2*partSize+99)
	w.put(t, "sdk", "source ü+", body)
	source := aws.String("sdk/source%20%C3%BC%2B")
	_, err := w.CopyObject(t.Context(), &s3.CopyObjectInput{Bucket: aws.String("sdk"), Key: aws.String("copy"), CopySource: source})
	require.NoError(t, err)
	requireObject(t, r, "copy", body)

	id := startUpload(t, w, "copy by parts")
	var parts []types.CompletedPart
	for i, span := range []string{"bytes=0-6000000", "bytes=6000001-10485858"} {
		out, err := w.UploadPartCopy(t.Context(), &s3.UploadPartCopyInput{
			Bucket: aws.String("sdk"), Key: aws.String("copy by parts"), UploadId: &id, PartNumber: aws.Int32(int32(i + 1)),
			CopySource: source, CopySourceRange: &span,
		})
		require.NoError(t, err)
		parts = append(parts, types.CompletedPart{
			PartNumber: aws.Int32(int32(i + 1)), ETag: out.CopyPartResult.ETag, ChecksumCRC64NVME: out.CopyPartResult.ChecksumCRC64NVME,
		})
	}
	_, err = w.CompleteMultipartUpload(t.Context(), completion("copy by parts", id, parts, crc64(body)))
	require.NoError(t, err)
	requireObject(t, r, "copy by parts", body)
}

func startUpload(t *testing.T, s sdk, key string) string {
	t.Helper()
	out, err := s.CreateMultipartUpload(t.Context(), &s3.CreateMultipartUploadInput{
		Bucket: aws.String("sdk"), Key: &key,
		ChecksumAlgorithm: types.ChecksumAlgorithmCrc64nvme, ChecksumType: types.ChecksumTypeFullObject,
	})
	require.NoError(t, err)
	return *out.UploadId
}

// uploadPart sends part i, counted from 0, of body.
func uploadPart(t *testing.T, s sdk, key, id string, i int, body []byte) types.CompletedPart {
	t.Helper()
	number := aws.Int32(int32(i + 1))
	out, err := s.UploadPart(t.Context(), &s3.UploadPartInput{
		Bucket: aws.String("sdk"), Key: &key, UploadId: &id, PartNumber: number,
		ChecksumAlgorithm: types.ChecksumAlgorithmCrc64nvme,
		Body:              bytes.NewReader(body[i*partSize : min((i+1)*partSize, len(body))]),
	})
	require.NoError(t, err)
	return types.CompletedPart{PartNumber: number, ETag: out.ETag, ChecksumCRC64NVME: out.ChecksumCRC64NVME}
}

func completion(key, id string, parts []types.CompletedPart, sum string) *s3.CompleteMultipartUploadInput {
	return &s3.CompleteMultipartUploadInput{
		Bucket: aws.String("sdk"), Key: &key, UploadId: &id, ChecksumCRC64NVME: &sum, ChecksumType: types.ChecksumTypeFullObject,
		MultipartUpload: &types.CompletedMultipartUpload{Parts: parts},
	}
}

func requireObject(t *testing.T, s sdk, key string, want []byte) {
	t.Helper()
	out, err := s.GetObject(t.Context(), &s3.GetObjectInput{
		Bucket: aws.String("sdk"), Key: &key, ChecksumMode: types.ChecksumModeEnabled,
	})
	require.NoError(t, err, key)
	defer out.Body.Close()
	got, err := io.ReadAll(out.Body)
	require.NoError(t, err, key)
	require.True(t, bytes.Equal(want, got), key)
}

// crc64 is the CRC64NVME of b as S3 writes it.
func crc64(b []byte) string {
	sum := crc64nvme.New()
	sum.Write(b)
	return base64Of(sum)
}

// base64Of is a sum as S3 writes it.
func base64Of(sum hash.Hash64) string {
	return base64.StdEncoding.EncodeToString(binary.BigEndian.AppendUint64(nil, sum.Sum64()))
}
