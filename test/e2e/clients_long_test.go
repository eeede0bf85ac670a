package e2e

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/minio/crc64nvme"
	"github.com/stretchr/testify/require"

	"cairn/internal/testproc"
)

// large is the size of the objects of the long runs: the largest that one PUT
// takes, which clients send in parts.
const large = 5 << 30

// testLong moves objects and trees that fit no memory.
func testLong(t *testing.T, c *testproc.Cluster) {
	t.Run("aws-5GiB", func(t *testing.T) { longAWS(t, newAWS(t, c, "a1")) })
	t.Run("sdk-5GiB", func(t *testing.T) { longSDK(t, newSDK(t, c, "a2"), newSDK(t, c, "b2")) })
	t.Run("rclone-tree", func(t *testing.T) { longRclone(t, newRclone(t, c, "c1")) })
	t.Run("restic-tree", func(t *testing.T) { longRestic(t, newRestic(t, c, "c2", "long")) })
	checkMemory(t, c)
}

// stream is size random bytes that are made as they are read.
func stream(seed byte, size int64) io.Reader {
	return io.LimitReader(rand.NewChaCha8([32]byte{seed}), size)
}

// writeLarge writes a stream to a file and returns its sum.
func writeLarge(t *testing.T, path string, r io.Reader) string {
	t.Helper()
	f, err := os.Create(path)
	require.NoError(t, err)
	sum := sha256.New()
	_, err = io.Copy(io.MultiWriter(f, sum), r)
	require.NoError(t, err)
	require.NoError(t, f.Close())
	return fmt.Sprintf("%x", sum.Sum(nil))
}

// fileSum returns the SHA-256 of a file.
func fileSum(t *testing.T, path string) string {
	t.Helper()
	f, err := os.Open(path)
	require.NoError(t, err)
	defer f.Close()
	sum := sha256.New()
	_, err = io.Copy(sum, f)
	require.NoError(t, err)
	return fmt.Sprintf("%x", sum.Sum(nil))
}

// speed logs how fast something went.
func speed(t *testing.T, what string, size int64, began time.Time) {
	t.Helper()
	took := time.Since(began)
	t.Logf("%s: %.1f s, %.0f MB/s", what, took.Seconds(), float64(size)/1e6/took.Seconds())
}

// longAWS sends and fetches one object with the command line.
func longAWS(t *testing.T, a *awsCLI) {
	dir := t.TempDir()
	up, down := filepath.Join(dir, "up"), filepath.Join(dir, "down")
	want := writeLarge(t, up, stream(1, large))
	a.run(t, "s3", "mb", "s3://long")
	began := time.Now()
	a.s3(t, "cp", up, "s3://long/large")
	speed(t, "aws s3 cp up", large, began)
	require.NoError(t, os.Remove(up))
	began = time.Now()
	a.s3(t, "cp", "s3://long/large", down)
	speed(t, "aws s3 cp down", large, began)
	require.Equal(t, want, fileSum(t, down))
	a.s3(t, "rm", "s3://long/large")
}

// longPart is the size of a part of longSDK.
const longPart = 64 << 20

// longSDK sends an object in parts, breaks off in the middle, goes on with what
// ListParts says, and lets the server check the sum of the whole.
func longSDK(t *testing.T, w, r sdk) {
	w.createBucket(t, "sdk-long")
	began := time.Now()
	up, err := w.CreateMultipartUpload(t.Context(), &s3.CreateMultipartUploadInput{
		Bucket: aws.String("sdk-long"), Key: aws.String("large"),
		ChecksumAlgorithm: types.ChecksumAlgorithmCrc64nvme, ChecksumType: types.ChecksumTypeFullObject,
	})
	require.NoError(t, err)
	const parts = large / longPart
	sendParts(t, w, *up.UploadId, 0, parts/2)
	sent, err := r.ListParts(t.Context(), &s3.ListPartsInput{Bucket: up.Bucket, Key: up.Key, UploadId: up.UploadId})
	require.NoError(t, err)
	require.Len(t, sent.Parts, parts/2)
	sendParts(t, r, *up.UploadId, len(sent.Parts), parts) // another client, at another gateway
	all, err := w.ListParts(t.Context(), &s3.ListPartsInput{Bucket: up.Bucket, Key: up.Key, UploadId: up.UploadId})
	require.NoError(t, err)
	sum := crc64nvme.New()
	for i := range parts {
		sum.Write(random(byte(i), longPart))
	}
	in := completion("large", *up.UploadId, nil, base64Of(sum))
	in.Bucket = up.Bucket
	for _, p := range all.Parts {
		in.MultipartUpload.Parts = append(in.MultipartUpload.Parts, types.CompletedPart{PartNumber: p.PartNumber, ETag: p.ETag, ChecksumCRC64NVME: p.ChecksumCRC64NVME})
	}
	_, err = w.CompleteMultipartUpload(t.Context(), in)
	require.NoError(t, err)
	speed(t, "sdk up, CRC64NVME", large, began)
	readLarge(t, r, base64Of(sum))
}

// sendParts sends the parts from first up to last, counted from 0.
func sendParts(t *testing.T, s sdk, id string, first, last int) {
	t.Helper()
	for i := first; i < last; i++ {
		_, err := s.UploadPart(t.Context(), &s3.UploadPartInput{
			Bucket: aws.String("sdk-long"), Key: aws.String("large"), UploadId: &id, PartNumber: aws.Int32(int32(i + 1)),
			ChecksumAlgorithm: types.ChecksumAlgorithmCrc64nvme, Body: bytes.NewReader(random(byte(i), longPart)),
		})
		require.NoError(t, err, "part %d", i+1)
	}
}

// readLarge reads the object, whose sum the SDK checks too.
func readLarge(t *testing.T, s sdk, want string) {
	t.Helper()
	began := time.Now()
	out, err := s.GetObject(t.Context(), &s3.GetObjectInput{
		Bucket: aws.String("sdk-long"), Key: aws.String("large"), ChecksumMode: types.ChecksumModeEnabled,
	})
	require.NoError(t, err)
	defer out.Body.Close()
	got := crc64nvme.New()
	n, err := io.Copy(got, out.Body)
	require.NoError(t, err)
	require.EqualValues(t, large, n)
	require.Equal(t, want, base64Of(got))
	speed(t, "sdk down, CRC64NVME", large, began)
}

// makeForest writes a tree of thousands of small files and a few large ones and
// returns its size.
func makeForest(t *testing.T, dir string) (size int64) {
	t.Helper()
	for i := range 2000 {
		n := 1 + i*37%60_000
		writeFile(t, filepath.Join(dir, fmt.Sprintf("d%02d/e%d/small-%04d", i%40, i%7, i)), n)
		size += int64(n)
	}
	for i := range 8 {
		path := filepath.Join(dir, fmt.Sprintf("large/%d", i))
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		writeLarge(t, path, stream(byte(i), 64<<20))
		size += 64 << 20
	}
	return size
}

func longRclone(t *testing.T, r *tool) {
	src, back := t.TempDir(), t.TempDir()
	size := makeForest(t, src)
	began := time.Now()
	r.run(t, "sync", src, "cairn:rclone-long/tree")
	speed(t, "rclone sync up, 2,008 files", size, began)
	r.run(t, "check", src, "cairn:rclone-long/tree")
	began = time.Now()
	r.run(t, "sync", "cairn:rclone-long/tree", back)
	speed(t, "rclone sync down", size, began)
	requireSame(t, src, back)
	r.run(t, "purge", "cairn:rclone-long")
}

func longRestic(t *testing.T, r *tool) {
	src, back := t.TempDir(), t.TempDir()
	size := makeForest(t, src)
	r.run(t, "init")
	began := time.Now()
	r.run(t, "backup", src)
	speed(t, "restic backup, 2,008 files", size, began)
	r.run(t, "check", "--read-data")
	began = time.Now()
	r.run(t, "restore", "latest", "--target", back)
	speed(t, "restic restore", size, began)
	requireSame(t, src, filepath.Join(back, src))
}
