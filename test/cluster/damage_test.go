package cluster

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/stretchr/testify/require"

	"cairn/internal/testcluster"
)

// Bits rot on a disk: the reader gets the right bytes, and the shard is
// replaced.
func TestRotIsReadAroundAndMended(t *testing.T) {
	t.Parallel()
	c := testcluster.Start(t, testcluster.Options{Machines: objects})
	cl := gateway(t, c, "a1")
	_, err := cl.CreateBucket(context.Background(), &s3.CreateBucketInput{Bucket: aws.String(bucket)})
	require.NoError(t, err)
	const mark = "the first bytes of a data shard, which parity does not repeat"
	body := make([]byte, 4<<20)
	rand.NewChaCha8([32]byte{}).Read(body)
	copy(body, mark)
	_, err = cl.PutObject(context.Background(), &s3.PutObjectInput{Bucket: aws.String(bucket), Key: aws.String("k"), Body: bytes.NewReader(body)})
	require.NoError(t, err)
	name := rotOne(t, c, mark)

	require.Eventually(t, func() bool { // until a read has met the damage
		out, err := cl.GetObject(context.Background(), &s3.GetObjectInput{Bucket: aws.String(bucket), Key: aws.String("k")})
		require.NoError(t, err)
		got, err := io.ReadAll(out.Body)
		require.NoError(t, err)
		require.True(t, bytes.Equal(body, got))
		return c.Damaged(name) > 0
	}, patience, 50*time.Millisecond)
	require.Eventually(t, func() bool { return c.Damaged(name) == 0 }, patience, 100*time.Millisecond)
}

// rotOne flips a bit of a shard that holds text, on the first node that has one,
// and returns that node.
func rotOne(t *testing.T, c *testcluster.Cluster, text string) string {
	t.Helper()
	for _, name := range c.Names() {
		segs, err := filepath.Glob(filepath.Join(c.DiskPath(name), "*.seg"))
		require.NoError(t, err)
		for _, seg := range segs {
			raw, err := os.ReadFile(seg)
			require.NoError(t, err)
			if at := bytes.Index(raw, []byte(text)); at >= 0 {
				f, err := os.OpenFile(seg, os.O_RDWR, 0)
				require.NoError(t, err)
				_, err = f.WriteAt([]byte{raw[at] ^ 1}, int64(at))
				require.NoError(t, errors.Join(err, f.Close()))
				return name
			}
		}
	}
	require.Fail(t, "no disk holds the text")
	return ""
}
